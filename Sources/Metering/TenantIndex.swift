/// Finds the tenant of a container without trying every rule of every tenant.
///
/// It gives the same answer as `attribute(_:among:)`, in time that does not grow with the number of
/// tenants. Labels and namespaces are looked up. Rules for paths and units are found by the text
/// before their first wildcard.
public struct TenantIndex: Sendable {
    /// The tenants' ids in order.
    ///
    /// A tenant's index in it is its place.
    private let ids: [String]
    private var paths = RulesByStart()
    private var units = RulesByStart()
    /// The place of the first tenant with a rule for a label.
    private var labels: [Label: Int] = [:]
    /// The place of the first tenant with a rule for a namespace.
    private var namespaces: [String: Int] = [:]

    /// The label that a rule asks for.
    private struct Label: Hashable {
        var key: String
        /// `nil` for any value.
        var value: String?
    }

    /// Builds the index.
    ///
    /// - Parameter tenants: in the order in which their rules are tried.
    public init(_ tenants: [Tenant]) {
        ids = tenants.map(\.id)
        for (place, tenant) in tenants.enumerated() {
            for rule in tenant.match { add(rule, place) }
        }
        paths.sort()
    }

    /// The id of the first tenant with a rule that matches; `nil` if there is none.
    public func tenant(of container: ContainerFacts) -> String? {
        place(of: container).map { ids[$0] }
    }

    /// The place of the first tenant with a rule that matches and that comes after another place.
    func place(of container: ContainerFacts, after last: Int = -1) -> Int? {
        var best: Int?
        /// Takes a place if it is the best so far.
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

    /// Adds one rule of the tenant at a place.
    private mutating func add(_ rule: Rule, _ place: Int) {
        switch rule {
        case .slice, .root:
            for path in rule.rootPaths { paths.add(rule, place, start: path) }
        case .cgroup(let glob): paths.add(rule, place, start: literalStart(of: glob))
        case .storage(let folder):
            paths.add(rule, place, start: StorageReading.prefix + folder)
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

/// Rules that are found by the text that all their matches start with.
private struct RulesByStart: Sendable {
    /// The rules by that text; those with the same text are in the order of tenants.
    private var rules: [[UInt8]: [(place: Int, rule: Rule)]] = [:]
    /// The lengths that occur among the texts.
    private var lengths: Set<Int> = []
    /// The texts in byte order; filled by `sort`.
    private var sorted: [[UInt8]] = []

    /// Prepares `starts(below:)`; must be called after the last rule was added.
    ///
    /// Rules for units do not need it, as nothing lies below the name of a unit.
    mutating func sort() { sorted = rules.keys.sorted { $0.lexicographicallyPrecedes($1) } }

    /// Adds a rule whose matches all start with `start`.
    mutating func add(_ rule: Rule, _ place: Int, start: String) {
        let bytes = Array(start.utf8)
        rules[bytes, default: []].append((place, rule))
        lengths.insert(bytes.count)
    }

    /// The place of the first tenant, after `last`, that has a rule matching the container.
    ///
    /// Every beginning of the text that is as long as one of the known starts is looked up.
    ///
    /// - Parameter text: the container's path, or the name of its unit.
    func first(of text: String, _ container: ContainerFacts, after last: Int) -> Int? {
        let bytes = Array(text.utf8)
        var best: Int?
        func consider(_ start: [UInt8]) {
            // They are in the order of tenants, so the search can stop early.
            for (place, rule) in rules[start] ?? [] where place > last {
                guard place < best ?? .max else { break }
                if rule.matches(container) { best = place }
            }
        }
        for length in lengths where length <= bytes.count { consider(Array(bytes[..<length])) }
        // A rule for what lies directly in a container is a rule for the container.
        if container.isWhole { for start in starts(below: bytes) { consider(start) } }
        return best
    }

    /// The starts below a path, by binary search.
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
