import CgroupFormat
import Units

/// One common reading of a tenant root's CPU counter and of all accounts below it, in µs.
struct Standing {
    /// The root's counter; each account keeps its own value in `CgroupNode.standingCPU`.
    var root: Int64
    /// CPU time added since then by accounts that ended and got a last reading.
    var explained: Int128 = 0
    /// Accounts that ended since then without a last reading.
    var unread: [CgroupNode] = []
}

/// Deduces the final CPU counter of a cgroup that ended before it could be read.
///
/// The kernel reports ends at most once in 10 ms, and a cgroup may be removed immediately, so some
/// ends are missed. The tenant root's counter still includes their usage. If exactly one account
/// ended unread between two common readings, the part of the root's rise that the other accounts do
/// not explain belongs to it.
///
/// Example: the root rose by 900 µs. Two living accounts rose by 500 µs and 100 µs. The account
/// that ended unread stood at 40 µs before, so its final counter is 40 + 900 - 600 = 340 µs.
extension CgroupTree {
    /// Largest number of accounts below a root for which a common reading is worth its cost.
    private static let most = 64

    /// Records in the common reading of its tenant root that an account below it ended.
    func noteEnd(_ node: CgroupNode) {
        guard isKernel, let id = node.root, standings[id] != nil else { return }
        if let last = node.last {
            guard let cpu = cpu(last) else {
                // A tick has metered the last reading and its text was dropped. The common reading
                // may be older than that, so it no longer adds up.
                standings[id] = nil
                return
            }
            standings[id]?.explained += Int128(cpu) - Int128(node.standingCPU)
        } else {
            standings[id]?.unread.append(node)
        }
    }

    /// Takes a common reading of a tenant root and its accounts, and deduces an unread end from it.
    ///
    /// Call it when no event is waiting, so that all living accounts below the root are known. If
    /// an event arrives during the readings, the root stays in `rootsToRead` and the next quiet
    /// moment tries again. The reading is given up if processes live in the root itself, if there
    /// are too many accounts, or if the root's counter moved during three attempts.
    func takeStanding(of id: Int64) {
        guard let root = byID[id], let accounts = accounts(below: root),
            (try? root.directory())?.holdsProcesses(&buffer) == false
        else {
            standings[id] = nil
            rootsToRead.remove(id)
            return
        }
        for _ in 0..<3 {
            guard let before = cpu(root) else { break }
            var readings: [Int64] = []
            for node in accounts {
                // This account has just ended; the event for it comes next.
                guard let reading = cpu(node) else { return }
                readings.append(reading)
            }
            // If anything ran meanwhile, the readings do not belong to one moment. Try again.
            guard cpu(root) == before else { continue }
            guard events?.hasDirectoryEvents == false else { return }
            rootsToRead.remove(id)
            deduce(id, rootCPU: before, accounts, readings)
            standings[id] = Standing(root: before)
            for (node, reading) in zip(accounts, readings) { node.standingCPU = reading }
            return
        }
        standings[id] = nil
        rootsToRead.remove(id)
    }

    /// Sets `deducedCPU` of the account that ended unread, if there is exactly one.
    private func deduce(
        _ id: Int64, rootCPU: Int64, _ accounts: [CgroupNode], _ readings: [Int64]
    ) {
        guard let last = standings[id], last.unread.count == 1, let node = last.unread.first else {
            return
        }
        let others = zip(accounts, readings).reduce(0 as Int128) {
            $0 + Int128($1.1) - Int128($1.0.standingCPU)
        }
        let rise = Int128(rootCPU) - Int128(last.root) - last.explained - others
        if rise >= 0 { node.deducedCPU = Int64(exactly: Int128(node.standingCPU) + rise) }
    }

    /// The accounts below a root; `nil` if there are more than `most`.
    private func accounts(below root: CgroupNode) -> [CgroupNode]? {
        var found: [CgroupNode] = []
        var stack = Array(root.children.values)
        while let node = stack.popLast() {
            if node.kind == .inner { stack += node.children.values } else { found.append(node) }
            if found.count > Self.most { return nil }
        }
        return found
    }

    /// The CPU counter of a living node in µs.
    private func cpu(_ node: CgroupNode) -> Int64? {
        (try? node.directory())?.cpuUsage(&buffer) ?? nil
    }

    /// The CPU counter of a last reading in µs; `nil` if its text was dropped or malformed.
    private func cpu(_ last: LastReading) -> Int64? {
        guard let text = last.texts.first, let text, let stat = try? CPUStat(parsing: text.span)
        else { return nil }
        return stat.usageMicroseconds
    }
}
