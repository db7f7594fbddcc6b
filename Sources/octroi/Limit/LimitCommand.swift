import ArgumentParser

/// `octroi limit`: the commands for limits; a verb is required.
struct LimitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "Show and change limits, live.",
        discussion: """
            A change goes through the owner of the cgroup (systemd, Docker, Podman, or the kernel's \
            file), is verified, recorded, and can be undone.

            EXAMPLES
              octroi limit show acme
              octroi limit set acme cpu=1.5 memory.max=512M --plan
              octroi limit boost acme cpu=4 --for 2h --reason "release day"
              octroi limit undo acme
            """,
        subcommands: [
            LimitShow.self, LimitSet.self, LimitUnset.self, LimitBoost.self, LimitUndo.self,
            LimitHistory.self, LimitDoctor.self, LimitExpire.self,
        ])
}
