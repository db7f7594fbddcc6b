import Store
import CgroupFS
import CgroupFormat
import Metering
import Runtimes
import SystemPackage
import Units

/// The part of a tick that reads the kernel.
///
/// `TickReading` (Metering) decides what the readings mean.
extension Collector where Source: KernelSource {
    /// Reads everything that a survey lists, in its order.
    ///
    /// If the survey's revision is that of the last committed tick, no cgroup has appeared or
    /// ended. Ended accounts are then not searched for.
    mutating func read(_ survey: Survey) -> TickReading {
        let rules = TickReading.Rules(
            isKernel: source.isKernel, isIOConserved: source.isIOConserved,
            longestHold: longestHold, zone: zone,
            before: lastRevision == nil ? run.lastTick : nil, runtime: PathShape.runtime)
        var reading = TickReading(accounts, rules, expecting: survey.cgroups.count)
        for step in survey.steps {
            switch step {
            // The limits of a cgroup without an account apply to the accounts below it.
            case .above(let index):
                let limits = Reservation(of: sampler.limits(index, from: source))
                reading.pass(survey.cgroups[index], limits)
            // A tenant root is read before and after its containers (`Apportionment`).
            case .ahead(let index):
                let sample = sampler.counters(index, from: source, withIO: source.isIOConserved)
                reading.enter(survey.cgroups[index], sample)
            case .account(let index): read(survey.cgroups[index], index, &reading)
            }
        }
        if survey.revision != lastRevision {
            reading.findEnded(
                seen: survey.seen, failed: survey.failed.mapValues(Absence.init(unseen:)),
                at: filed(source.now()))
        }
        return reading
    }

    /// Reads one account, and hands the reading to the tick.
    ///
    /// The cgroup may end during the reading, so its end is asked for before and after. If it ended
    /// unread, only its network and its deduced CPU time can still be read.
    ///
    /// - Parameter index: the cgroup's place in the survey.
    private mutating func read(_ found: FoundCgroup, _ index: Int, _ reading: inout TickReading) {
        guard reading.admit(found) else { return }
        var given = CgroupReading()
        if source.end(of: index) != .unread {
            given = sampler.sample(index, from: source, withNetwork: found.isLeaf)
        }
        let end = source.end(of: index)
        var deduced: Int64?
        if end == .unread {
            // An open file keeps a network alive after the cgroup is gone.
            let network = sampler.network(index, from: source)
            given.sample.network = network ?? given.sample.network
            deduced = source.deducedCPU(of: index)
            given.sample.cpu = deduced.map(CPUStat.init(usageMicroseconds:)) ?? given.sample.cpu
        }
        // If a child cgroup was created during the reading, its usage would be counted in both. So
        // the reading of a leaf counts only if the cgroup still has no children.
        if end == nil, found.isLeaf, !found.isWhole, found.role == .container,
            source.hasChildren(index)
        {
            return
        }
        reading.take(
            found, given, end: end, isDeduced: deduced != nil,
            at: filed(source.moment(of: index)))
    }
}

/// Reasons for directories that cannot be read.
extension Absence {
    /// The absence of a cgroup below a directory that could not be read.
    fileprivate init(unseen error: Errno) {
        let isForbidden = error == .permissionDenied || error == .notPermitted
        self.init(isForbidden ? .notPermitted : .failed, detail: "\(error)")
    }
}
