import Units

/// What each account reserves, as the tree is read from the top down.
///
/// A limit above several containers is granted once: they share it, and what none of them reserves of
/// a tenant root's limit is the root's own.
struct Reservations {
    /// A cgroup above those that are read now.
    private struct Above {
        var depth: Int
        /// What its own files grant.
        var own: Reservation
        /// The same within its ancestors.
        var effective: Reservation
        /// The entries below it so far, and what they reserve.
        var items: [(entry: Int, reserved: Reservation)] = []
    }

    private var stack = [Above(depth: 0, own: Reservation(), effective: Reservation())]

    /// Goes into a cgroup that others lie below.
    mutating func enter(depth: Int, _ own: Reservation) {
        leave(to: depth)
        let effective = own.within(stack[stack.count - 1].effective)
        stack.append(Above(depth: depth, own: own, effective: effective))
    }

    /// Takes an account; `entry` is `nil` if it has none in this tick.
    ///
    /// - Returns: the limits in force over it.
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

    /// What cannot be known of an account's limits as a limit above it could not be read.
    mutating func refusals(depth: Int, isRoot: Bool) -> [Refusal] {
        leave(to: isRoot ? depth + 1 : depth)
        let above = stack[stack.count - 1].effective
        var refusals: [Refusal] = []
        let why = "a limit of a cgroup above it could not be read"
        if above.isCPUUnknown { refusals.append(Refusal("cpu.max", why)) }
        if above.isMemoryUnknown { refusals.append(Refusal("memory.max", why)) }
        return refusals
    }

    /// What every entry reserves, once all is read.
    mutating func finish() -> [(entry: Int, reserved: Reservation)] {
        leave(to: 1)
        return stack[0].items
    }

    private mutating func leave(to depth: Int) {
        while stack.count > 1, stack[stack.count - 1].depth >= depth {
            let above = stack.removeLast()
            stack[stack.count - 1].items += shared(above).items
        }
    }

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
