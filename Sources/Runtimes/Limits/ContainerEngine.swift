import CgroupFormat
import Foundation
import Glibc
import Limits
import SystemPackage
import Units

/// The engine of a container, reached by its HTTP API: Docker (API 1.41) or Podman (libpod 4).
struct ContainerEngine {
    /// The engine; the raw value is its name in messages.
    enum Kind: String {
        case docker = "Docker"
        case podman = "Podman"
    }

    var kind: Kind
    /// The path of its unix socket.
    var socket: String

    /// Sets limits through the engine, which then keeps them when the container restarts.
    ///
    /// - Parameters:
    ///   - id: the container's id.
    ///   - swap: the `memory.swap.max` that the container has and keeps.
    /// - Returns: the settings that the engine cannot express, such as memory.high and exact
    ///   weights.
    /// - Throws: `unavailable`, `notPermitted` or `failed` if the engine does not do it.
    func update(
        _ settings: [LimitSetting], of id: String, swap: Limit?
    ) throws(Fault) -> [LimitSetting] {
        let known = try hostConfig(of: id)
        let (body, left) =
            kind == .docker ? dockerUpdate(settings, known, swap: swap) : podmanUpdate(settings)
        guard !body.isEmpty else { return left }
        let prefix = kind == .docker ? "" : "/v4.0.0/libpod"
        try post("\(prefix)/containers/\(id)/update", try json(body), id)
        return left
    }

    /// The value that the engine stores for a limit; `nil` if it stores none or does not answer.
    func kept(_ key: LimitKey, of id: String) -> LimitValue? {
        guard let known = try? hostConfig(of: id) else { return nil }
        switch key {
        case .cpuMax:
            if let nano = known.NanoCpus, nano > 0 {
                return .cpu(CPUMax(quota: .at(nano / 10_000)))
            }
            guard let quota = known.CpuQuota, quota > 0 else { return nil }
            let period = known.CpuPeriod ?? 0
            return .cpu(CPUMax(quota: .at(quota), period: period > 0 ? period : 100_000))
        case .memoryMax:
            return known.Memory.flatMap { $0 > 0 ? .number(.at($0)) : nil }
        case .pidsMax: return known.PidsLimit.flatMap { $0 > 0 ? .number(.at($0)) : nil }
        case .memoryLow: return known.MemoryReservation.flatMap { $0 > 0 ? .number(.at($0)) : nil }
        case .cpusetCpus:
            return known.CpusetCpus.flatMap { $0.isEmpty ? nil : CPUList($0).map(LimitValue.cpus) }
        default: return nil
        }
    }

    /// The id and name of a container that is asked for by either.
    ///
    /// - Returns: `nil` if the engine does not know it.
    func identity(_ word: String) -> (id: String, name: String)? {
        struct Inspected: Decodable {
            var Id: String
            var Name: String
        }
        guard let answer = try? UnixHTTP.get("/containers/\(word)/json", at: socket, seconds: 10),
            answer.status == 200,
            let found = try? JSONDecoder().decode(Inspected.self, from: answer.body)
        else { return nil }
        let name = found.Name.hasPrefix("/") ? String(found.Name.dropFirst()) : found.Name
        return (found.Id, name)
    }

    /// Whether the engine reports the container as paused.
    func isPaused(_ id: String) -> Bool {
        struct State: Decodable { var Paused: Bool? }
        struct Inspected: Decodable { var State: State? }
        guard let answer = try? UnixHTTP.get("/containers/\(id)/json", at: socket, seconds: 10),
            let found = try? JSONDecoder().decode(Inspected.self, from: answer.body)
        else { return false }
        return found.State?.Paused ?? false
    }

    /// Pauses or resumes a container.
    func pause(_ isPaused: Bool, _ id: String) throws(Fault) {
        let prefix = kind == .docker ? "" : "/v4.0.0/libpod"
        try post("\(prefix)/containers/\(id)/\(isPaused ? "pause" : "unpause")", nil, id)
    }

    /// Reads the limits that the engine stores for a container.
    private func hostConfig(of id: String) throws(Fault) -> HostConfig {
        struct Inspected: Decodable { var HostConfig: HostConfig? }
        let answer = try request(id) { () throws(Errno) in
            try UnixHTTP.get("/containers/\(id)/json", at: socket, seconds: 10)
        }
        guard answer.status == 200,
            let found = try? JSONDecoder().decode(Inspected.self, from: answer.body)
        else { throw refused(answer, id) }
        return found.HostConfig ?? HostConfig()
    }

    /// Posts a request and requires success.
    private func post(_ path: String, _ body: Data?, _ id: String) throws(Fault) {
        let answer = try request(id) { () throws(Errno) in
            try UnixHTTP.post(path, body, at: socket, seconds: 30)
        }
        // 304: the container is already in that state.
        guard (200..<300).contains(answer.status) || answer.status == 304 else {
            throw refused(answer, id)
        }
    }

    /// Sends a request, turning socket errors into a fault.
    private func request(
        _ id: String, _ send: () throws(Errno) -> UnixHTTP.Answer
    ) throws(Fault) -> UnixHTTP.Answer {
        do throws(Errno) {
            return try send()
        } catch {
            let isForbidden = error == .permissionDenied || error == .notPermitted
            throw Fault(
                isForbidden ? .notPermitted : .unavailable, at: socket,
                problem: "\(kind.rawValue) gives no answer (\(error))",
                suggestion: isForbidden
                    ? "Run it as root or as a member of the group that owns the socket"
                    : "Check that \(kind.rawValue) runs")
        }
    }

    /// The fault for an error response, with the engine's message.
    private func refused(_ answer: UnixHTTP.Answer, _ id: String) -> Fault {
        struct Message: Decodable { var message: String }
        let said = (try? JSONDecoder().decode(Message.self, from: answer.body))?.message
        return Fault(
            answer.status == 404 ? .unavailable : .failed,
            at: "container \(id.prefix(12))",
            problem: "\(kind.rawValue) refused (\(answer.status): "
                + "\(escapingControlCharacters(String((said ?? "no reason").prefix(300)))))",
            suggestion: "octroi limit show says what holds now")
    }

    /// Encodes a request's body, with sorted keys so that it can be compared in tests.
    private func json(_ body: [String: EngineValue]) throws(Fault) -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(body) else {
            preconditionFailure("whole numbers that JSON cannot hold")
        }
        return data
    }
}

/// The limits that Docker stores for a container (`HostConfig`); 0 means "not set".
///
/// `NanoCpus` is in 10^-9 CPUs, `CpuQuota` and `CpuPeriod` are in µs, memory is in bytes.
struct HostConfig: Decodable {
    var NanoCpus: Int64?
    var CpuQuota: Int64?
    var CpuPeriod: Int64?
    var PidsLimit: Int64?
    var Memory: Int64?
    var MemoryReservation: Int64?
    var CpusetCpus: String?
}

/// A JSON value in the body of a request.
enum EngineValue: Encodable, Hashable {
    case number(Int64)
    case text(String)
    case members([String: EngineValue])

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .number(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .members(let members): try container.encode(members)
        }
    }
}

/// The body of Docker's `POST /containers/ID/update`.
///
/// - Parameters:
///   - known: the limits that Docker stores now.
///   - swap: the `memory.swap.max` that the container has and keeps.
///   - cores: the number of CPUs of the host.
/// - Returns: the body, and the settings that Docker cannot express.
func dockerUpdate(
    _ settings: [LimitSetting], _ known: HostConfig, swap: Limit?, cores: Int64 = hostCores
) -> (body: [String: EngineValue], left: [LimitSetting]) {
    var body: [String: EngineValue] = [:]
    var left: [LimitSetting] = []
    for setting in settings {
        switch (setting.key.definition.engine, setting.value) {
        case (.cpuQuota, .cpu(let cpu)):
            let (fields, isAll) = dockerQuota(cpu, known, cores)
            body.merge(fields) { $1 }
            if !isAll { left.append(setting) }
        case (.memory, .number(.max)):
            // 0 would mean "leave as it is".
            body["Memory"] = .number(dockerUnlimited)
            body["MemorySwap"] = .number(-1)
        case (.memory, .number(.at(let bytes))) where bytes >= dockerLeast:
            body["Memory"] = .number(bytes)
            // Docker stores the sum of memory and swap, and refuses a memory limit above that sum.
            if case .at(let swap)? = swap, let sum = bytes.sum(swap) {
                body["MemorySwap"] = .number(sum)
            } else {
                body["MemorySwap"] = .number(-1)
            }
        case (.count(let name, _), .number(let limit)):
            body[name] = .number(limit.value ?? -1)
        case (.bytes(let name, _), .number(.at(let bytes))) where bytes >= dockerLeast:
            body[name] = .number(bytes)
        case (.cpus(let name, _), .cpus(let list)) where !list.ranges.isEmpty:
            body[name] = .text(list.description)
        default: left.append(setting)
        }
    }
    return (body, left)
}

/// The smallest memory limit that Docker accepts, in bytes (6 MiB).
private let dockerLeast: Int64 = 6 << 20

extension Limit {
    /// The value of the limit, or `nil` if there is none.
    fileprivate var value: Int64? {
        if case .at(let value) = self { value } else { nil }
    }
}

extension Int64 {
    /// The sum, or `nil` if it does not fit into 64 bits, as Docker's numbers must.
    fileprivate func sum(_ other: Int64) -> Int64? {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? nil : sum
    }
}

/// The memory limit that Docker treats as none: the largest multiple of a 4 KiB page.
private let dockerUnlimited = Int64.max / 4096 * 4096

/// The number of CPUs that are online on this host.
private let hostCores = Int64(sysconf(Int32(_SC_NPROCESSORS_ONLN)))

/// Expresses a CPU quota in Docker's fields.
///
/// Docker has two ways: `NanoCpus` (`--cpus`), and `CpuQuota` with `CpuPeriod`. They exclude each
/// other permanently: a container that has one of them refuses the other. `NanoCpus` cannot exceed
/// the host's CPUs. A container that has neither gets `NanoCpus`, so that `docker update --cpus`
/// continues to work.
///
/// Neither can be removed again. A quota of -1 next to `NanoCpus` would make later starts fail. To
/// remove the limit, Docker is therefore told all CPUs of the host, and the caller writes `max` to
/// the cgroup itself.
///
/// Example: 1.5 CPUs (quota 150,000 µs, period 100,000 µs) are 1,500,000,000 `NanoCpus`.
///
/// - Returns: the fields, and whether they express the quota completely. If not, the caller writes
///   the rest to the cgroup.
private func dockerQuota(
    _ cpu: CPUMax, _ known: HostConfig, _ cores: Int64
) -> (fields: [String: EngineValue], isAll: Bool) {
    let hasNano = known.NanoCpus ?? 0 > 0
    let hasQuota = known.CpuQuota ?? 0 > 0 || known.CpuPeriod ?? 0 > 0
    guard case .at(let quota) = cpu.quota else {
        if hasNano { return (["NanoCpus": .number(cores * 1_000_000_000)], false) }
        // If Docker stores no quota, send none: from then on it would count as one.
        return known.CpuQuota ?? 0 > 0 ? (["CpuQuota": .number(-1)], true) : ([:], false)
    }
    // Docker turns NanoCpus into a quota with a period of 100 ms.
    let fits = cpu.period == 100_000 && quota <= cores * 100_000
    if fits, hasNano || !hasQuota { return (["NanoCpus": .number(quota * 10_000)], true) }
    if hasNano { return ([:], false) }
    return (["CpuQuota": .number(quota), "CpuPeriod": .number(cpu.period)], true)
}

/// The body of Podman's update: resources as an OCI runtime takes them (config-linux.md).
///
/// A quota with the usual period of 100 ms is what `podman update --cpus` would set, so that
/// command continues to work.
///
/// - Returns: the body, and the settings that Podman cannot express.
func podmanUpdate(
    _ settings: [LimitSetting]
) -> (body: [String: EngineValue], left: [LimitSetting]) {
    var body: [String: EngineValue] = [:]
    var left: [LimitSetting] = []
    for setting in settings {
        switch (setting.key.definition.engine, setting.value) {
        case (.cpuQuota, .cpu(let cpu)):
            guard case .at(let quota) = cpu.quota else {
                left.append(setting)
                continue
            }
            body.put(.number(quota), at: ["cpu", "quota"])
            body.put(.number(cpu.period), at: ["cpu", "period"])
        case (.memory, .number(.at(let bytes))): body.put(.number(bytes), at: ["memory", "limit"])
        case (.count(_, let place), .number(.at(let count))),
            (.bytes(_, let place), .number(.at(let count))):
            body.put(.number(count), at: place)
        case (.cpus(_, let place), .cpus(let list)) where !list.ranges.isEmpty:
            body.put(.text(list.description), at: place)
        default: left.append(setting)
        }
    }
    return (body, left)
}

extension [String: EngineValue] {
    /// Sets a value in nested objects; the place `["cpu", "quota"]` is `{"cpu": {"quota": …}}`.
    fileprivate mutating func put(_ value: EngineValue, at place: [String]) {
        guard let name = place.first else { return }
        guard place.count > 1 else {
            self[name] = value
            return
        }
        var inner: [String: EngineValue] = [:]
        if case .members(let members)? = self[name] { inner = members }
        inner.put(value, at: Array(place.dropFirst()))
        self[name] = .members(inner)
    }
}
