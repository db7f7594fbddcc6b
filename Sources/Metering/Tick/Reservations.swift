import Units

/// Finds out what each account reserves, while the tree is read from the top down.
///
/// A limit above several containers is granted once: they share it (`SharedLimit`). What none of
/// them reserves of a tenant root's limit is reserved by the root itself.
///
/// The cgroups above the current one are kept on a stack. When the reading leaves a cgroup, its
/// limit is shared among everything found below it.
struct Reservations {
    /// A cgroup above those that are being read.
    private struct Above {
        /// Its depth in the tree; 0 for the root.
        var depth: Int
        /// What its own files grant.
        var own: Reservation
        /// What it may use within its ancestors' limits.
        var effective: Reservation
        /// The entries found below it so far, by index, and what they reserve.
        var items: [(entry: Int, reserved: Reservation)] = []
    }

    /// The cgroups above the current one, from the root down.
    private var stack = [Above(depth: 0, own: Reservation(), effective: Reservation())]

    /// Enters a cgroup that others are below.
    mutating func enter(depth: Int, _ own: Reservation) {
        leave(to: depth)
        let effective = own.within(stack[stack.count - 1].effective)
        stack.append(Above(depth: depth, own: own, effective: effective))
    }

    /// Takes in an account.
    ///
    /// - Parameters:
    ///   - entry: the index of its entry; `nil` if it has none in this tick.
    ///   - depth: its depth in the tree.
    ///   - own: what its own files grant.
    ///   - isRoot: whether it is a tenant root, which is taken after everything below it.
    /// - Returns: the limits in force for it.
    mutating func take(
        entry: Int?, depth: Int, _ own: Reservation, isRoot: Bool
    ) -> Reservation {
        leave(to: isRoot ? depth + 1 : depth)
        if isRoot, stack.count > 1 {
            let root = stack.removeLast()
            var (items, left) = shared(root)
            if let entry { items.append((entry, left)) }
            stack[stack.count - 1].items += items
            return root.effective
        }
        let effective = own.within(stack[stack.count - 1].effective)
        if let entry { stack[stack.count - 1].items.append((entry, effective)) }
        return effective
    }

    /// Why the limits in force for an account are unknown: a limit above it could not be read.
    mutating func refusals(depth: Int, isRoot: Bool) -> [Refusal] {
        leave(to: isRoot ? depth + 1 : depth)
        let above = stack[stack.count - 1].effective
        var refusals: [Refusal] = []
        let why = "a limit of a cgroup above it could not be read"
        if above.isCPUUnknown { refusals.append(Refusal("cpu.max", why)) }
        if above.isMemoryUnknown { refusals.append(Refusal("memory.max", why)) }
        return refusals
    }

    /// What every entry reserves; called once everything is read.
    mutating func finish() -> [(entry: Int, reserved: Reservation)] {
        leave(to: 1)
        return stack[0].items
    }

    /// Leaves all cgroups on the stack that are at least as deep.
    private mutating func leave(to depth: Int) {
        while stack.count > 1, stack[stack.count - 1].depth >= depth {
            let above = stack.removeLast()
            stack[stack.count - 1].items += shared(above).items
        }
    }

    /// Shares a cgroup's own limit among the entries below it.
    ///
    /// - Returns: the entries with their shares, and what is left of the limit.
    private func shared(
        _ above: Above
    ) -> (items: [(entry: Int, reserved: Reservation)], left: Reservation) {
        var items = above.items
        var left = Reservation()
        if let limit = above.own.cpu {
            let result = SharedLimit(limit, among: items.map(\.reserved.cpu))
            for (index, share) in result.shares.enumerated() { items[index].reserved.cpu = share }
            left.cpu = result.left
        }
        if let limit = above.own.memory {
            let result = SharedLimit(limit, among: items.map(\.reserved.memory))
            for (index, share) in result.shares.enumerated() {
                items[index].reserved.memory = share
            }
            left.memory = result.left
        }
        return (items, left)
    }
}
