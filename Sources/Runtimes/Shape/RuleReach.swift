import Metering
import Units

/// The reason why a rule can never match.
public struct Unreachable: Hashable, Sendable {
    /// The reason, as an error message states a problem.
    public let found: String
    /// What to write instead.
    public let suggestion: String

    init(_ found: String, suggestion: String) {
        (self.found, self.suggestion) = (found, suggestion)
    }
}

/// A tenant's rule that never decides who a container belongs to.
public struct IdleRule {
    /// The tenant's id.
    public let tenant: String
    public let rule: Rule
    public let why: Unreachable
    /// The tenant whose earlier rule matches everything this rule matches, if that is why.
    let earlier: String?

    /// The rule as error messages name it, such as `tenant acme, cgroup: /a//b`.
    public var place: String { "tenant \(tenant), \(rule.kind): \(rule.pattern)" }
}

/// Finds rules that match nothing, or nothing that an earlier tenant's rule leaves over.
///
/// Only certain cases are reported.
///
/// - Parameter tenants: all tenants, in the order in which their rules are tried.
public func idleRules(of tenants: [Tenant]) -> [IdleRule] {
    let cover = RuleCover(tenants)
    return tenants.flatMap { tenant in
        tenant.match.compactMap { rule -> IdleRule? in
            if let why = unreachable(rule) {
                return IdleRule(tenant: tenant.id, rule: rule, why: why, earlier: nil)
            }
            guard let (earlier, other) = cover.hiding(rule, of: tenant.id) else { return nil }
            let why = Unreachable(
                "tenant \(earlier) comes first, and its \(other.kind): "
                    + shortened(other.pattern, to: 120) + " fits all that this rule fits",
                suggestion:
                    "List tenant \(tenant.id) before \(earlier) in tenants.yaml, or take the rule "
                    + "out")
            return IdleRule(tenant: tenant.id, rule: rule, why: why, earlier: earlier)
        }
    }
}

/// Why a rule can match no container, whatever runs; `nil` if it may match one.
public func unreachable(_ rule: Rule) -> Unreachable? {
    switch rule {
    case .slice(let name): unreachable(path: name)
    case .root(let path): unreachable(path: path)
    case .cgroup(let glob): unreachable(path: glob) ?? unreachable(glob: glob, rule)
    case .unit(let glob): unreachable(unit: glob)
    case .label, .namespace, .storage: nil
    }
}

/// Why no cgroup can have this path; `nil` if one can.
private func unreachable(path: String) -> Unreachable? {
    if path.utf8.contains(UInt8(ascii: "\n")) {
        return Unreachable(
            "no cgroup has a newline in its name", suggestion: "Write the name without it")
    }
    let names = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard names.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }) else { return nil }
    return Unreachable(
        "no path of a cgroup has an empty name, \".\" or \"..\" in it",
        suggestion: "Write the path as octroi containers shows it")
}

/// Why no container's path fits a glob; `nil` if one may.
///
/// The names before the first wildcard decide: they may lead to a cgroup that holds containers and
/// is not one itself, or into a container, whose inside belongs to it.
private func unreachable(glob: String, _ rule: Rule) -> Unreachable? {
    let names = glob.split(separator: "/")
    let literal = names.prefix { !$0.contains(where: { $0 == "*" || $0 == "?" }) }
    let path = "/" + literal.joined(separator: "/")
    let shape = PathShape(path)
    if literal.count == names.count, shape.role == .holder {
        return Unreachable(
            "\(path) holds containers and is none, and the rule fits nothing below it",
            suggestion: "Write \(path)/**, or root: \(path)")
    }
    guard let container = shape.container, container != path || literal.count < names.count,
        !rule.matches(ContainerFacts(path: container, isWhole: true))
    else { return nil }
    return Unreachable(
        "\(container) is one container with all below it",
        suggestion:
            "Write \(container) for the whole container, or root: with the path of the part "
            + "that is billed separately")
}

/// Why no systemd unit that is a container fits a glob; `nil` if one may.
private func unreachable(unit glob: String) -> Unreachable? {
    let suggestion = "Write the name of a unit, such as acme-*.service"
    if glob.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "\n") }) {
        return Unreachable("no unit has a / or a newline in its name", suggestion: suggestion)
    }
    let isWild = glob.contains { $0 == "*" || $0 == "?" }
    let tail = glob.split(omittingEmptySubsequences: false) { $0 == "*" || $0 == "?" }.last ?? ""
    let mayFit = [".service", ".scope"].contains { suffix in
        tail.hasSuffix(suffix) || isWild && suffix.hasSuffix(tail)
    }
    return mayFit
        ? nil
        : Unreachable(
            "only services and scopes are containers, and none ends so", suggestion: suggestion)
}

/// One warning line for each rule that can never match, at most 21 lines.
///
/// - Parameters:
///   - tenants: all tenants, in the order in which their rules are tried.
///   - changed: the tenants to report on; `nil` for all. A rule is also reported if the tenant
///     whose rule hides it is among them.
public func unreachableRules(of tenants: [Tenant], changed: [Tenant]? = nil) -> [String] {
    let ids = changed.map { Set($0.map(\.id)) }
    let idle = idleRules(of: tenants).filter { item in
        ids.map { $0.contains(item.tenant) || item.earlier.map($0.contains) == true } ?? true
    }
    let lines = idle.map { item in
        escapingControlCharacters(String(item.place.prefix(250))) + ": it can never match: "
            + "\(escapingControlCharacters(String(item.why.found.prefix(300)))). "
            + escapingControlCharacters(String(item.why.suggestion.prefix(300)))
    }
    let most = 20
    guard lines.count > most else { return lines }
    return Array(lines.prefix(most)) + ["and \(lines.count - most) more rules can never match"]
}
