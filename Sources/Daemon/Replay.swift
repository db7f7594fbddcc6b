import Metering
import Store
import Units

/// Feeds a recording through the pipeline, to its end.
public func replay(_ kernel: ReplayKernel, into store: Store) throws(Fault) {
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
