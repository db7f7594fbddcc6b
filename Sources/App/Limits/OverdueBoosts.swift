import CgroupFS
import Enforcing
import Glibc
import Host
import Store
import Units

extension App {
    /// Ends boosts whose time is over, if their timers and the daemon did not: only for commands that change
    /// limits, and only for a store that is this host's own.
    ///
    /// It never stops that command, nor waits for another that changes limits.
    func endOverdueBoosts(_ store: Store) {
        guard case .success(nil) = Result(catching: store.whyNotOwn) else { return }
        for root in (try? store.rootsOfOverdueBoosts(at: Host.wallTime())) ?? [] {
            endOverdueBoosts(store, in: root)
        }
    }

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
