import Host
import Metering
import Store
import Units

/// A store for what a recording meters along the way, which is thrown away.
///
/// - Parameter tenants: they say which cgroups are tenant roots.
public func recordingStore(in folder: String, tenants: [Tenant]) throws(Fault) -> Store {
    let store = try Store(at: "\(folder)/octroi.db", for: .write)
    try store.adoptTenants(tenants, at: Host.wallTime())
    return store
}

/// Meters a recording into a new store, to its end.
///
/// - Throws: `failed` for a store that a collector has written to.
public func replay(_ kernel: ReplayKernel, into store: Store) throws(Fault) {
    guard try store.lastRoot() == nil else {
        throw Fault(
            .failed, at: store.path, problem: "a store that a collector has written to",
            suggestion: "Replay into a store of its own: --db NEW-FILE")
    }
    if try store.tenants().isEmpty {
        // Not at the time of day: a second replay comes to the same chain.
        try store.adoptTenants(kernel.header.tenants, at: Instant(seconds: 0))
    }
    // A recording comes to the same ledger wherever it is replayed.
    var collector = try Collector(
        source: kernel, store: store, intervalMilliseconds: kernel.header.intervalMilliseconds,
        in: .utc)
    while try kernel.advance() { _ = try collector.tick() }
}

extension RecordingHeader {
    /// The tenants of the recording, with nothing but their rules.
    public var tenants: [Tenant] {
        var tenants: [Tenant] = []
        for rule in rules {
            guard let match = Rule(kind: rule.kind, pattern: rule.pattern) else { continue }
            if let index = tenants.firstIndex(where: { $0.id == rule.tenant }) {
                tenants[index].match.append(match)
            } else {
                tenants.append(
                    Tenant(
                        id: rule.tenant, name: rule.tenant, priceBook: nil,
                        invoiceTo: InvoiceAddress(), match: [match]))
            }
        }
        return tenants
    }
}
