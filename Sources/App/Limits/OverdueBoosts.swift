import CgroupFS
import Enforcing
import Glibc
import Host
import Store
import Units

extension App {
    /// Ends boosts whose time is over, if neither their timers nor the daemon did.
    ///
    /// Commands that change limits call this first, for a store that belongs to this host. A
    /// failure becomes a notice and does not stop the command. If another process is changing
    /// limits, the boosts are left to it.
    func endOverdueBoosts(_ store: Store) {
        guard case .success(nil) = Result(catching: store.whyNotOwn) else { return }
        for root in (try? store.rootsOfOverdueBoosts(at: Host.wallTime())) ?? [] {
            endOverdueBoosts(store, in: root)
        }
    }

    /// Ends the overdue boosts of one cgroup tree.
    ///
    /// - Parameter root: the path of the tree. If the tree no longer exists, only the store is
    ///   changed.
    private func endOverdueBoosts(_ store: Store, in root: String) {
        do throws(Fault) {
            if access(root, F_OK) != 0, errno == ENOENT {
                let set = try store.endBoosts(ofLostRoot: root, at: Host.wallTime())
                if let set {
                    notify("\(escapingControlCharacters(set.target)): \(set.reason ?? "")")
                }
                return
            }
            let tree = LimitedTree(root: try CgroupRoot(opening: root))
            let changer = LimitChanger(
                tree: tree, store: store, boot: try Host.bootID(), now: Host.wallTime)
            // The command of the operator should not wait long for somebody else's boost.
            changer.deadline = 500
            let result = try changer.withExclusiveLockIfFree(waitMilliseconds: 0) {
                () throws(Fault) in
                try changer.endOverdueBoosts(LimitTargets(tree, store))
            }
            for set in result?.ended ?? [] {
                notify(
                    "\(escapingControlCharacters(set.target)): \(set.reason ?? ""), it is as before"
                )
            }
            for (_, fault) in result?.failed ?? [] { notify("a boost is over: \(fault)") }
        } catch {
            notify("a boost of limits is over and could not be ended: \(error)")
        }
    }
}
