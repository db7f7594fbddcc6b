import CgroupFormat
import Units

/// The meters of network traffic, from `net/dev` of a container's own network namespace.
enum NetworkMeter {
    /// Both directions.
    static let all = [
        HostMeter(
            counter: .netRxBytes, .bytes, ["net/dev"], .network, columns: ["net_rx_bytes"]),
        HostMeter(
            counter: .netTxBytes, .bytes, ["net/dev"], .network, columns: ["net_tx_bytes"]),
    ]
}

/// The counters of one network namespace.
public struct NetworkSample: Hashable, Sendable {
    /// The inode of the namespace.
    ///
    /// It is unique only as long as the namespace exists.
    public var namespace: Int64
    /// The counters of its interfaces.
    public var counters: NetDev

    public init(namespace: Int64, counters: NetDev) {
        (self.namespace, self.counters) = (namespace, counters)
    }

    /// The marks from which the next reading is counted, after this reading.
    ///
    /// Interfaces that could not be read now keep their earlier counters.
    func standing(after before: NetDev?) -> NetworkSample {
        var counters = counters
        counters.odd = OddLines()
        for (name, last) in before?.interfaces ?? [:]
        where counters.interfaces[name] == nil
            && (counters.isPartial || counters.unread.contains(name))
        {
            counters.interfaces[name] = last
        }
        // An interface that has a mark is counted from it. One without a mark begins at its first
        // reading.
        let unknown = counters.unread.union(counters.isPartial ? before?.unread ?? [] : [])
        counters.unread = unknown.filter { counters.interfaces[$0] == nil }
        counters.isPartial = false
        return NetworkSample(namespace: namespace, counters: counters)
    }
}

extension Position {
    /// Bills network traffic up to a reading.
    mutating func advanceNetwork(
        _ sample: NetworkSample?, _ moment: Moment, _ advance: inout Advance
    ) {
        guard let sample else { return }
        let last = network?.sample.namespace == sample.namespace ? network : nil
        // A container that was seen being created has a network that was made for it. So all
        // traffic of its first network is its own.
        let since = last?.bootMicroseconds ?? (network == nil ? networkSince : nil)
        // An interface that is missing from a partial text would look new later, and its past would
        // be billed.
        if since == nil, sample.counters.isPartial { return }
        let before = last?.sample.counters
        if let since {
            for (name, now) in sample.counters.interfaces
            where before?.unread.contains(name) != true {
                let known = before?.interfaces[name]
                advance.add(
                    .meter(.netRxBytes), rise(now.receivedBytes, known?.receivedBytes),
                    since: since, until: moment)
                advance.add(
                    .meter(.netTxBytes), rise(now.sentBytes, known?.sentBytes), since: since,
                    until: moment)
            }
        }
        network = NetworkMark(sample.standing(after: before), at: moment.bootMicroseconds)
        networkSince = moment.bootMicroseconds
    }

    /// How far a counter of an interface rose.
    ///
    /// An interface that is new, or whose counter is lower than before, was created and began at 0.
    private func rise(_ now: Int64, _ before: Int64?) -> Int128 {
        Int128(now) - Int128(before.map { $0 <= now ? $0 : 0 } ?? 0)
    }

    /// Refuses interfaces whose counters rose too far.
    func refuseNetwork(_ sample: inout Sample) -> [Refusal] {
        guard let network = sample.network else { return [] }
        let last = self.network.flatMap {
            $0.sample.namespace == network.namespace ? $0.sample.counters : nil
        }
        guard last != nil || self.network == nil && networkSince != nil else { return [] }
        var refusals: [Refusal] = []
        for (name, now) in network.counters.interfaces.sorted(by: { $0.key < $1.key })
        where last?.unread.contains(name) != true {
            let before = last?.interfaces[name]
            guard
                isRiseTooMuch(now.receivedBytes, before?.receivedBytes)
                    || isRiseTooMuch(now.sentBytes, before?.sentBytes)
            else { continue }
            sample.network?.counters.interfaces[name] = nil
            sample.network?.counters.unread.insert(name)
            refusals.append(
                Refusal("net/dev", "\(name.prefix(60)) carried more than any network can"))
        }
        return refusals
    }

    /// Whether a counter of an interface rose too far.
    ///
    /// An interface whose counter is lower than before was created anew and began at 0.
    private func isRiseTooMuch(_ now: Int64, _ before: Int64?) -> Bool {
        isTooMuch(now, above: before.flatMap { $0 <= now ? $0 : nil } ?? 0)
    }
}
