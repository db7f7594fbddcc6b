import Limits
import Units

/// The keys of limits in limits.yaml.
///
/// The CPU limit has two: `cpu`, and `cpu.max` as its kernel file is called.
private let limitNames = LimitName.granted + ["cpu.max"]

/// Reads the `limits:` list of limits.yaml.
///
/// - Parameters:
///   - value: the list.
///   - names: the names in all files read so far.
/// - Throws: `badData` for the first mistake, also for a second entry of the same tenant.
func readLimits(
    _ value: YAMLValue, _ names: WrittenNames = WrittenNames()
) throws(Fault) -> [TenantLimits] {
    var limits: [TenantLimits] = []
    for item in try value.list() {
        let members = try item.members(["tenant", "drift"] + limitNames)
        let tenant = try readIdentifier(members, "tenant")
        try names.add(
            "limits of tenant \"\(tenant)\"", item, suggestion: "Put them all into one entry")
        if let second = members["cpu.max"], members["cpu"] != nil {
            throw second.fault("cpu and cpu.max, which are the same limit", "Keep one of them")
        }
        var settings: [TenantLimits.Setting] = []
        for name in limitNames {
            if let value = members[name] { settings += try readSettings(name, value) }
        }
        let drift: DriftPolicy? =
            members["drift"] == nil ? nil : try members.choice("drift", default: .reassert)
        limits.append(TenantLimits(tenant: tenant, settings: settings, drift: drift))
    }
    return limits
}

/// Reads one limit of a tenant.
///
/// `io.max` is a mapping from devices to their fields, and gives a limit for each device.
private func readSettings(_ name: String, _ value: YAMLValue) throws(Fault) -> [TenantLimits
    .Setting]
{
    guard name == "io.max" else {
        return [.init(try readSpec("\(name)=\(try value.text())", value), at: value.place)]
    }
    var settings: [TenantLimits.Setting] = []
    for (device, fields) in try value.anyMembers() {
        let spec = try readSpec("io.max=\(device):\(try fields.text())", fields)
        settings.append(.init(spec, at: fields.place))
    }
    return settings
}

/// Reads a limit in the form of the command line, such as `cpu=1.5`.
///
/// - Parameters:
///   - word: the limit.
///   - value: where it stands in the file, for the error.
/// - Throws: `badData` with file, line and key for a limit that `LimitSpec` does not accept.
func readSpec(_ word: String, _ value: YAMLValue) throws(Fault) -> LimitSpec {
    do {
        return try LimitSpec(parsing: word)
    } catch {
        throw value.fault(error.problem, error.suggestion)
    }
}
