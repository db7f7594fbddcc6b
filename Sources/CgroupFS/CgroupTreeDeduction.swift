import CgroupFormat
import Units

/// A tenant root's cpu counter and those of all below it, read together; in µs.
struct Standing {
    var root: Int64
    /// What those that ended since, and were read last, had added till then.
    var explained: Int128 = 0
    /// Those that ended since and were not read.
    var unread: [CgroupNode] = []
}

/// The kernel notes ends at most once in 10 ms, and a cgroup may be removed at once. But its tenant
/// root keeps what it used: if one cgroup ended unread between two readings of all others, the rise
/// that the others do not explain is its own.
extension CgroupTree {
    /// With more cgroups below a root than this, reading them at an end would cost too much.
    private static let most = 64

    /// Takes note of the end of a cgroup below a tenant root.
    func noteEnd(_ node: CgroupNode) {
        guard isKernel, let id = node.root, standings[id] != nil else { return }
        if let last = node.last {
            guard let cpu = cpu(last) else {
                // Nothing was used since the tick that read it, which the standing may not know.
                standings[id] = nil
                return
            }
            standings[id]?.explained += Int128(cpu) - Int128(node.standingCPU)
        } else {
            standings[id]?.unread.append(node)
        }
    }

    /// Reads a tenant root and all below it, and deduces what the one that ended unread had used.
    ///
    /// Called when no event waits: all lives below it are known. If another begins under the
    /// readings, the next quiet moment is for them.
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
                // Just gone: its own event comes next.
                guard let reading = cpu(node) else { return }
                readings.append(reading)
            }
            // If something ran while they were read, the rise is not theirs alone.
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

    /// The accounts below a root; `nil` if they are too many.
    private func accounts(below root: CgroupNode) -> [CgroupNode]? {
        var found: [CgroupNode] = []
        var stack = Array(root.children.values)
        while let node = stack.popLast() {
            if node.kind == .inner { stack += node.children.values } else { found.append(node) }
            if found.count > Self.most { return nil }
        }
        return found
    }

    private func cpu(_ node: CgroupNode) -> Int64? {
        (try? node.directory())?.cpuUsage(&buffer) ?? nil
    }

    private func cpu(_ last: LastReading) -> Int64? {
        guard let text = last.texts.first, let text, let stat = try? CPUStat(parsing: text.span)
        else { return nil }
        return stat.usageMicroseconds
    }
}
