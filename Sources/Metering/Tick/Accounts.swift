import Units

/// The open accounts, as the last tick that was kept left them.
public struct Accounts: Sendable {
    /// By cgroup id.
    private(set) var byID: [Int64: Account]
    /// The paths of the containers with all below them that an earlier run knew.
    let wholeBefore: Set<String>
    /// Which container each network was last read for.
    private(set) var networkOwners: [Int64: Int64] = [:]
    /// Where networks stood whose container has ended, until the next tick.
    private(set) var lastNetworks: [Int64: Position.NetworkMark] = [:]

    /// - Parameters:
    ///   - accounts: by cgroup id, as an earlier run left them.
    ///   - last: that run's last tick. What stood still had no sample: it is known up to then.
    public init(_ accounts: [Int64: Account], upTo last: Moment?) {
        byID = accounts
        wholeBefore = Set(accounts.values.lazy.filter(\.isWhole).map(\.path))
        if let last = last?.bootMicroseconds {
            for id in byID.keys where byID[id]?.position?.cpu?.bootMicroseconds ?? last < last {
                byID[id]?.position?.markIdle(until: last)
            }
        }
        for account in accounts.values {
            if let network = account.position?.network {
                networkOwners[network.sample.namespace] = account.cgroupID
            }
        }
    }

    /// The ids of the cgroups that are one container with all below them.
    public var whole: Set<Int64> { Set(byID.values.lazy.filter(\.isWhole).map(\.cgroupID)) }

    /// Moves on to a tick that was kept.
    ///
    /// - Parameter rows: the accounts' rows, one for each of the tick's entries.
    public mutating func keep(_ tick: TickReading.Result, rows: [Int64]) {
        for namespace in lastNetworks.keys
        where networkOwners[namespace].map({ byID[$0] }) == nil {
            networkOwners[namespace] = nil
        }
        lastNetworks = [:]
        for index in rows.indices {
            let id = tick.entries[index].cgroupID
            let hasEnded = tick.entries[index].hasEnded
            byID[id] = hasEnded ? nil : tick.entries[index].account(rows[index])
            guard let network = tick.entries[index].networkReadNow else { continue }
            let namespace = network.sample.namespace
            // A namespace's number is used again once it is gone.
            networkOwners[namespace] = id
            if hasEnded { lastNetworks[namespace] = network }
        }
        for id in tick.becameInner { byID[id] = nil }
        for (id, moment) in tick.idle {
            byID[id]?.position?.markIdle(until: moment.bootMicroseconds)
        }
    }
}
