import Runtimes
import Store
import Units

/// Copies every change of limits to systemd's journal, with fields to search by.
///
/// The record is in the store. The journal is only a copy, because sd_journal_send reports success
/// even where no journald runs.
enum Journal {
    /// Identifies all messages about limits: `journalctl MESSAGE_ID=…`.
    static let messageID = "6f3c1c2a3b7d4c5f9a0e5f1a7c4b2d90"

    /// Sends one entry for each value that changed, or a single one if no value changed.
    static func tell(_ set: LimitChangeSet) {
        var common = [
            ("MESSAGE_ID", messageID), ("CHANGE_ID", "\(set.id)"), ("ACTION", set.action.rawValue),
            ("ACTOR", set.user), ("ACTOR_UID", "\(set.uid)"), ("TARGET", set.target),
            ("HASH", set.hash), ("SYSLOG_IDENTIFIER", "octroi"),
        ]
        if let tenant = set.tenant { common.append(("TENANT", tenant)) }
        if let reason = set.reason { common.append(("REASON", reason)) }
        if set.changes.isEmpty {
            let words = "\(set.action.rawValue) of \(set.target): \(set.reason ?? "no write")"
            JournalEntry.send(
                common + [("PRIORITY", "5"), ("MESSAGE", escapingControlCharacters(words))])
        }
        for change in set.changes {
            JournalEntry.send(
                common + [
                    ("PRIORITY", change.isVerified ? "5" : "4"),
                    (
                        "MESSAGE",
                        escapingControlCharacters(
                            "\(change.path) \(change.key): \(change.before) -> \(change.after)")
                    ),
                    ("CGROUP", change.path), ("LIMIT_FILE", change.key),
                    ("OLD_VALUE", change.before), ("NEW_VALUE", change.wanted),
                    ("EFFECTIVE", change.after), ("OWNER", change.owner ?? "file"),
                ])
        }
    }
}
