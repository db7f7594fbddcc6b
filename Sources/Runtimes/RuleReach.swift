import Metering
import Units

/// Why a rule can never match.
public struct Unreachable: Hashable, Sendable {
    public let found: String
    /// What to write in its place.
    public let cure: String

    init(_ found: String, cure: String) { (self.found, self.cure) = (found, cure) }
}

/// Why a rule can match no container whatever runs; `nil` if one may come that it fits.
public func unreachable(_ rule: Rule) -> Unreachable? {
    switch rule {
    case .slice(let name): unreachable(path: name)
    case .root(let path): unreachable(path: path)
    case .cgroup(let glob): unreachable(path: glob) ?? unreachable(glob: glob, rule)
    case .unit(let glob): unreachable(unit: glob)
    case .label, .namespace: nil
    }
}

private func unreachable(path: String) -> Unreachable? {
    if path.utf8.contains(UInt8(ascii: "\n")) {
        return Unreachable(
            "no cgroup has a newline in its name", cure: "Write the name without it")
    }
    let names = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard names.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else { return nil }
    return Unreachable(
        "no path of a cgroup has an empty name, \".\" or \"..\" in it",
        cure: "Write the path as octroi containers shows it")
}

private func unreachable(glob: String, _ rule: Rule) -> Unreachable? {
    let names = glob.split(separator: "/")
    let literal = names.prefix { !$0.contains(where: { $0 == "*" || $0 == "?" }) }
    let path = "/" + literal.joined(separator: "/")
    let shape = PathShape(path)
    if literal.count == names.count, shape.role == .holder {
        return Unreachable(
            "\(path) holds containers and is none, and the rule fits nothing below it",
            cure: "Write \(path)/**, or root: \(path)")
    }
    guard let container = shape.container, container != path || literal.count < names.count,
        !rule.matches(ContainerFacts(path: container, isWhole: true))
    else { return nil }
    return Unreachable(
        "\(container) is one container with all below it",
        cure: "Write \(container) for the whole container, or root: with the path of what in it is "
            + "to be billed apart")
}

private func unreachable(unit glob: String) -> Unreachable? {
    let cure = "Write the name of a unit, such as acme-*.service"
    if glob.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\n") }) {
        return Unreachable("no unit has a / or a newline in its name", cure: cure)
    }
    let isWild = glob.contains { $0 == "*" || $0 == "?" }
    let tail = glob.split(omittingEmptySubsequences: false) { $0 == "*" || $0 == "?" }.last ?? ""
    let mayFit = [".service", ".scope"].contains { suffix in
        tail.hasSuffix(suffix) || isWild && suffix.hasSuffix(tail)
    }
    return mayFit
        ? nil
        : Unreachable("only services and scopes are containers, and none ends so", cure: cure)
}

/// A line for each rule that can match nothing; at most a screen.
public func unreachableRules(of tenants: [Tenant]) -> [String] {
    var lines: [String] = []
    for tenant in tenants {
        for rule in tenant.match {
            guard let why = unreachable(rule) else { continue }
            let pattern = harmless(String(rule.pattern.prefix(200)))
            let place = "tenant \(tenant.id), \(rule.kind): \(pattern)"
            lines.append(
                "\(place): it can never match: \(harmless(String(why.found.prefix(300)))). "
                    + harmless(String(why.cure.prefix(300))))
        }
    }
    let most = 20
    guard lines.count > most else { return lines }
    return Array(lines.prefix(most)) + ["and \(lines.count - most) more rules can never match"]
}
