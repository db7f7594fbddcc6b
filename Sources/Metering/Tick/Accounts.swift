import Units

/// The accounts of all living cgroups, as the last committed tick left them.
public struct Accounts: Sendable {
    /// The accounts by cgroup id.
    private(set) var byID: [Int64: Account]
    /// The paths that an earlier run knew as containers with all below them.
    let wholeBefore: Set<String>
    /// For each network namespace, the id of the cgroup that it was last read for.
    private(set) var networkOwners: [Int64: Int64] = [:]
    /// The last counters of networks whose container ended in the last tick.
    ///
    /// Another container on the same network may continue from them in the next tick.
    private(set) var lastNetworks: [Int64: Position.NetworkMark] = [:]
    /// The accounts of folders whose space is billed, by path.
    private(set) var folders: [String: Int64] = [:]

    /// Takes over the accounts that an earlier run left.
    ///
    /// An account at which nothing happened has no sample in that run's last ticks. It is known to
    /// have been idle until the last tick, so its times are moved there.
    ///
    /// - Parameters:
    ///   - accounts: by cgroup id.
    ///   - last: the last tick of that run.
    public init(_ accounts: [Int64: Account], upTo last: Moment?) {
        byID = accounts
        wholeBefore = Set(accounts.values.lazy.filter(\.isWhole).map(\.path))
        if let last = last?.bootMicroseconds {
            for id in byID.keys where byID[id]?.position?.cpu?.bootMicroseconds ?? last < last {
                byID[id]?.position?.markIdle(until: last)
            }
        }
        for account in accounts.values {
            if account.isFolder { folders[account.path] = account.cgroupID }
            if let network = account.position?.network {
                networkOwners[network.sample.namespace] = account.cgroupID
            }
        }
    }

    /// The ids of the cgroups that are one container with all below them.
    public var whole: Set<Int64> { Set(byID.values.lazy.filter(\.isWhole).map(\.cgroupID)) }

    /// Moves on to a tick that was committed.
    ///
    /// - Parameter rows: the row of the account of each entry of the tick, in the same order.
    public mutating func keep(_ tick: TickReading.Result, rows: [Int64]) {
        for namespace in lastNetworks.keys
        where networkOwners[namespace].flatMap({ byID[$0] }) == nil {
            networkOwners[namespace] = nil
        }
        lastNetworks = [:]
        for index in rows.indices {
            let id = tick.entries[index].cgroupID
            let hasEnded = tick.entries[index].hasEnded
            byID[id] = hasEnded ? nil : tick.entries[index].account(rows[index])
            if tick.entries[index].isFolder {
                folders[tick.entries[index].path] = hasEnded ? nil : id
            }
            guard let network = tick.entries[index].networkReadNow else { continue }
            let namespace = network.sample.namespace
            // The kernel uses the number of a namespace again once the namespace is gone.
            networkOwners[namespace] = id
            if hasEnded { lastNetworks[namespace] = network }
        }
        for id in tick.becameInner { byID[id] = nil }
        for (id, moment) in tick.idle {
            byID[id]?.position?.markIdle(until: moment.bootMicroseconds)
        }
    }
}
