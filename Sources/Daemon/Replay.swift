import Host
import Metering
import Store
import Units

/// Creates a store that is used only while a recording is made, and thrown away afterwards.
///
/// - Parameters:
///   - folder: where to create the file.
///   - tenants: their rules say which cgroups are tenant roots.
public func recordingStore(in folder: String, tenants: [Tenant]) throws(Fault) -> Store {
    let store = try Store(at: "\(folder)/octroi.db", for: .write)
    try store.adoptTenants(tenants, at: Host.wallTime())
    return store
}

/// Meters a recording into a store, to its end.
///
/// The ledger is the same on every machine and at every replay. If the store has no tenants, those
/// of the recording are added.
///
/// - Throws: `failed` for a store that a collector has written to; `badData` at a line that is not
///   one of a recording.
public func replay(_ kernel: ReplayKernel, into store: Store) throws(Fault) {
    guard try store.lastRoot() == nil else {
        throw Fault(
            .failed, at: store.path, problem: "a store that a collector has written to",
            suggestion: "Replay into a store of its own: --db NEW-FILE")
    }
    if try store.tenants().isEmpty {
        // Not the time now: it becomes part of the ledger's chain, which must be the same at every
        // replay.
        try store.adoptTenants(kernel.header.tenants, at: Instant(seconds: 0))
    }
    // UTC and not the billing zone of this host, so that the ledger is the same on every host.
    _ = try store.keepDaySums(in: .utc)
    var collector = try Collector(
        source: kernel, store: store, intervalMilliseconds: kernel.header.intervalMilliseconds,
        in: .utc)
    while try kernel.advance() { _ = try collector.tick() }
}

extension RecordingHeader {
    /// The tenants of the recording; they have only an id and rules.
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
