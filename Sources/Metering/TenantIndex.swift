/// Whose containers are, found without trying every rule of every tenant.
///
/// It says what `attribute(_:among:)` says, in time that does not grow with the number of tenants.
public struct TenantIndex: Sendable {
    private let ids: [String]
    private var paths = RulesByStart()
    private var units = RulesByStart()
    private var labels: [Label: Int] = [:]
    private var namespaces: [String: Int] = [:]

    private struct Label: Hashable {
        var key: String
        /// `nil` is any value.
        var value: String?
    }

    public init(_ tenants: [Tenant]) {
        ids = tenants.map(\.id)
        for (place, tenant) in tenants.enumerated() {
            for rule in tenant.match { add(rule, place) }
        }
        paths.sort()
    }

    /// The id of the tenant whose rule fits first; `nil` if none fits.
    public func tenant(of container: ContainerFacts) -> String? {
        place(of: container).map { ids[$0] }
    }

    /// The place of the first tenant whose rule fits, of those behind another.
    func place(of container: ContainerFacts, after last: Int = -1) -> Int? {
        var best: Int?
        func consider(_ place: Int?) {
            if let place, place > last, place < best ?? .max { best = place }
        }
        for (key, value) in container.labels {
            consider(labels[Label(key: key, value: value)])
            consider(labels[Label(key: key)])
        }
        if let namespace = container.namespace { consider(namespaces[namespace]) }
        consider(paths.first(of: container.path, container, after: last))
        if let unit = systemdUnit(of: container.path) {
            consider(units.first(of: unit, container, after: last))
        }
        return best
    }

    private mutating func add(_ rule: Rule, _ place: Int) {
        switch rule {
        case .slice, .root:
            for path in rule.rootPaths { paths.add(rule, place, start: path) }
        case .cgroup(let glob): paths.add(rule, place, start: literalStart(of: glob))
        case .unit(let glob): units.add(rule, place, start: literalStart(of: glob))
        case .label(let text):
            let pair = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = pair.count == 2 ? String(pair[1]) : nil
            let label = Label(key: String(pair[0]), value: value)
            labels[label] = min(labels[label] ?? place, place)
        case .namespace(let name): namespaces[name] = min(namespaces[name] ?? place, place)
        }
    }
}

/// Rules over texts that begin with the same bytes.
private struct RulesByStart: Sendable {
    private var rules: [[UInt8]: [(place: Int, rule: Rule)]] = [:]
    private var lengths: Set<Int> = []
    private var sorted: [[UInt8]] = []

    /// Has to be called once all rules are added.
    mutating func sort() { sorted = rules.keys.sorted { $0.lexicographicallyPrecedes($1) } }

    mutating func add(_ rule: Rule, _ place: Int, start: String) {
        let bytes = Array(start.utf8)
        rules[bytes, default: []].append((place, rule))
        lengths.insert(bytes.count)
    }

    /// The place of the first tenant one of whose rules fits.
    func first(of text: String, _ container: ContainerFacts, after last: Int) -> Int? {
        let bytes = Array(text.utf8)
        var best: Int?
        func consider(_ start: [UInt8]) {
            // They lie in the order of tenants.
            for (place, rule) in rules[start] ?? [] where place > last {
                guard place < best ?? .max else { break }
                if rule.matches(container) { best = place }
            }
        }
        for length in lengths where length <= bytes.count { consider(Array(bytes[..<length])) }
        // A rule for what lies in a container is a rule for the container.
        if container.isWhole { for start in starts(below: bytes) { consider(start) } }
        return best
    }

    /// The starts that lie below a path.
    private func starts(below path: [UInt8]) -> ArraySlice<[UInt8]> {
        let prefix = path + [UInt8(ascii: "/")]
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].lexicographicallyPrecedes(prefix) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        let end = sorted[low...].firstIndex { !$0.starts(with: prefix) } ?? sorted.count
        return sorted[low..<end]
    }
}
