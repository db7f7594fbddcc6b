import ArgumentParser

/// `octroi limit`: the commands for limits; a verb is required.
struct LimitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "limit", abstract: "Show and change limits, live.",
        discussion: """
            Octroi asks the owner of a cgroup (systemd, Docker or Podman) to change a limit, or \
            writes the kernel's file. It then reads the value back from the kernel, and records \
            the change. octroi limit undo restores the old value.

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
