import Store
import CgroupFS
import CgroupFormat
import Metering
import Runtimes
import SystemPackage
import Units

/// What of a tick is read from the kernel; what comes of it is `Metering`'s.
extension Collector where Source: KernelSource {
    /// Reads all that a survey tells of.
    mutating func read(_ survey: Survey) -> TickReading {
        let rules = TickReading.Rules(
            isKernel: source.isKernel, isIOConserved: source.isIOConserved,
            longestHold: longestHold, zone: zone,
            before: lastRevision == nil ? run.lastTick : nil, runtime: PathShape.runtime)
        var reading = TickReading(accounts, rules, expecting: survey.cgroups.count)
        for step in survey.steps {
            switch step {
            case .above(let index):
                let limits = Reservation(of: sampler.limits(index, from: source))
                reading.pass(survey.cgroups[index], limits)
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

    /// Reads one account.
    private mutating func read(_ found: FoundCgroup, _ index: Int, _ reading: inout TickReading) {
        guard reading.admit(found) else { return }
        var given = CgroupReading()
        if source.end(of: index) != .unread {
            given = sampler.sample(index, from: source, withNetwork: found.isLeaf)
        }
        let end = source.end(of: index)
        var deduced: Int64?
        if end == .unread {
            // A network outlives its container's cgroup.
            let network = sampler.network(index, from: source)
            given.sample.network = network ?? given.sample.network
            deduced = source.deducedCPU(of: index)
            given.sample.cpu = deduced.map(CPUStat.init(usageMicroseconds:)) ?? given.sample.cpu
        }
        // A child that was born under the reading would be counted here and there: the reading of a
        // leaf stands only if it is still one after it.
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

extension Absence {
    /// Why a directory could not be read.
    fileprivate init(unseen error: Errno) {
        let isForbidden = error == .permissionDenied || error == .notPermitted
        self.init(isForbidden ? .notPermitted : .failed, detail: "\(error)")
    }
}
