import Limits
import Units

/// Reads the `budgets:` list of budgets.yaml.
///
/// Whether the tenants and ladders exist is checked later, against the store.
///
/// - Parameters:
///   - value: the list.
///   - zone: the billing zone. A date in `exempt_until:` is a day of this zone.
///   - names: the names in all files read so far.
/// - Throws: `badData` for the first mistake, also for a second budget of the same tenant.
func readBudgets(
    _ value: YAMLValue, in zone: BillingZone, _ names: WrittenNames = WrittenNames()
) throws(Fault) -> [Budget] {
    var budgets: [Budget] = []
    for item in try value.list() {
        let members = try item.members([
            "tenant", "amount", "per", "ladder", "exempt_until", "exempt_reason",
        ])
        let tenant = try readIdentifier(members, "tenant")
        try names.add(
            "budget of tenant \"\(tenant)\"", item, suggestion: "Give a tenant one budget")
        if let reason = members["exempt_reason"], members["exempt_until"] == nil {
            throw reason.fault(
                "a reason without an exemption", "Add exempt_until: with the time it ends")
        }
        budgets.append(
            Budget(
                tenant: tenant,
                amount: try members.required("amount").decimal { Budget.Amount($0) },
                per: try members.choice("per", default: .month),
                ladder: members["ladder"] == nil ? nil : try readIdentifier(members, "ladder"),
                exemptUntil: try members["exempt_until"]?.value(
                    "a date in the billing zone, such as 2026-12-01, or a time such as "
                        + "2026-12-01T00:00:00Z"
                ) { text in
                    (Instant(rfc3339: text) ?? zone.day(text)?.start)
                        .flatMap { $0.isBillable ? $0 : nil }
                },
                exemptReason: try members["exempt_reason"]?.text()))
    }
    return budgets
}

/// Reads the `ladders:` list of budgets.yaml.
///
/// A key that is missing has the default of `Ladder.init`.
///
/// - Parameters:
///   - value: the list.
///   - names: the names in all files read so far.
/// - Throws: `badData` for the first mistake.
func readLadders(
    _ value: YAMLValue, _ names: WrittenNames = WrittenNames()
) throws(Fault) -> [Ladder] {
    var ladders: [Ladder] = []
    for item in try value.list() {
        let members = try item.members([
            "id", "dwell", "grace", "leave_below", "max_tenants_per_tick", "steps",
        ])
        let id = try readIdentifier(members, "id")
        try names.add("ladder \"\(id)\"", item, suggestion: "Give every ladder an id of its own")
        var ladder = Ladder(id: id, steps: try readSteps(members.required("steps")))
        if let dwell = members["dwell"] { ladder.dwellMilliseconds = try readDuration(dwell) }
        if let grace = members["grace"] { ladder.graceMilliseconds = try readDuration(grace) }
        if let percent = members["leave_below"] { ladder.leaveBelow = try whole(percent, 1...99) }
        if let most = members["max_tenants_per_tick"] {
            ladder.maxTenantsPerTick = Int(try whole(most, 1...10_000))
        }
        ladders.append(ladder)
    }
    return ladders
}

/// Reads the steps of a ladder.
///
/// - Throws: `badData` if there is no step, or if a threshold is below that of the step before.
private func readSteps(_ value: YAMLValue) throws(Fault) -> [Ladder.Step] {
    let items = try value.list()
    guard !items.isEmpty else { throw value.fault("no step", "Write one step at least") }
    var steps: [Ladder.Step] = []
    for item in items {
        let members = try item.members(["at", "do", "after", "value", "cores", "paced", "floor"])
        let place = try members.required("at")
        let at = try whole(place, 1...1000)
        if let last = steps.last?.at, at < last {
            throw place.fault(
                "the step at \(at) % comes after the step at \(last) %", "Sort the steps by at:")
        }
        steps.append(
            Ladder.Step(
                at: at, try readAction(members),
                afterMilliseconds: try members["after"].map { value throws(Fault) in
                    try readDuration(value)
                }))
    }
    return steps
}

/// Reads what a step does: `do:` and the keys of that action.
///
/// - Throws: `badData` for an unknown action, and for a key of another action, such as `floor:`
///   with `do: freeze`.
private func readAction(_ members: YAMLMembers) throws(Fault) -> Ladder.Action {
    let action = try members.required("do")
    let word = try action.text()
    /// Refuses the keys of other actions, which would have no effect.
    func refuse(allBut taken: [String]) throws(Fault) {
        let others = ["cores", "floor", "paced", "value"].filter { !taken.contains($0) }
        for name in others {
            if let value = members[name] {
                throw value.fault(
                    "do: \(word) takes no \(name)",
                    taken.isEmpty
                        ? "Remove it" : "Such a step takes \(taken.joined(separator: ", "))")
            }
        }
    }
    switch word {
    case "weight":
        try refuse(allBut: ["value"])
        return .weight(try whole(members.required("value"), 1...10_000))
    case "io_max":
        try refuse(allBut: ["value"])
        return .ioMax(try readFields(members.required("value")))
    case "cpu_cap":
        try refuse(allBut: ["cores", "paced", "floor"])
        return try readCap(members)
    case "stop":
        throw action.fault(
            "\"stop\": Octroi does not stop containers", "Write do: freeze, which is the last step")
    default: break
    }
    let plain: [String: Ladder.Action] = [
        "warn": .warn, "memory_high": .memoryHigh, "no_forks": .noForks, "freeze": .freeze,
    ]
    guard let known = plain[word] else {
        throw action.fault(
            quoted(word),
            "Write one of warn, weight, cpu_cap, memory_high, io_max, no_forks, freeze")
    }
    try refuse(allBut: [])
    return known
}

/// Reads the CPU cap of `do: cpu_cap`.
///
/// `cores` is a fixed cap. With `paced: true` it is optional and the largest value of the cap, and
/// `floor` is the smallest value.
private func readCap(_ members: YAMLMembers) throws(Fault) -> Ladder.Action {
    let cores = try members["cores"].map { value throws(Fault) in try readCores(value) }
    let isPaced = try members["paced"]?.value("true or false") { Bool($0) } ?? false
    guard isPaced || cores != nil else {
        throw members.owner.fault(
            "a cap without a number of cores", "Add cores: \"0.5\" to it, or paced: true")
    }
    guard let value = members["floor"] else {
        return .cpuCap(
            cores: cores, isPaced: isPaced, floor: min(defaultFloor, cores ?? defaultFloor))
    }
    let floor = try readCores(value)
    guard isPaced else {
        throw value.fault(
            "a floor under a cap that is not paced", "Take it out, or add paced: true")
    }
    if let cores, cores < floor {
        throw value.fault(
            "a floor of \(floor) cores above the cap of \(cores)", "Let the floor be below the cap")
    }
    return .cpuCap(cores: cores, isPaced: isPaced, floor: floor)
}

/// The smallest value of a paced cap without `floor:`: 5 % of a core.
///
/// If `cores` is less than that, it is `cores`.
private let defaultFloor = Rational(1) / Rational(20)

/// Reads a number of cores, at least 0.001.
///
/// The kernel takes no quota below 1 ms, and no period above 1 s (cgroup-v2.rst, "cpu.max").
private func readCores(_ value: YAMLValue) throws(Fault) -> Rational {
    let cores = try value.decimal { Rational(decimal: $0) }
    guard (cores * Rational(1000)).floor > 0 else {
        throw value.fault("\(cores) cores", "Write \"0.001\" or more: the kernel takes no less")
    }
    return cores
}

/// Reads the fields of io.max for every device, such as `wbps=10M,riops=200`.
///
/// `LimitSpec` checks them. It needs a device, so it is given a made-up one.
private func readFields(_ value: YAMLValue) throws(Fault) -> String {
    let fields = try value.text()
    guard !fields.contains(":") else {
        throw value.fault(quoted(fields), "Remove the device: the step applies to every device")
    }
    _ = try readSpec("io.max=/dev/all:\(fields)", value)
    return fields
}

/// Reads a duration in ms; `0s` is no time.
private func readDuration(_ value: YAMLValue) throws(Fault) -> Int64 {
    try value.value("a duration such as 5m, 366d at most, or 0s for none") {
        $0 == "0s" ? 0 : parseMilliseconds($0)
    }
}

/// Reads a whole number in a range.
private func whole(_ value: YAMLValue, _ range: ClosedRange<Int64>) throws(Fault) -> Int64 {
    try value.value("a whole number from \(range.lowerBound) to \(range.upperBound)") {
        Int64($0).flatMap { range.contains($0) ? $0 : nil }
    }
}

/// Reads the id of a tenant or a ladder.
func readIdentifier(_ members: YAMLMembers, _ name: String) throws(Fault) -> String {
    try members.required(name).value(
        "an id of a-z, 0-9 and -, beginning with a letter, 63 characters at most"
    ) { isIdentifier($0, also: "-") ? $0 : nil }
}
