import CSystemd
import Glibc

/// An entry of systemd's journal (sd_journal_sendv(3)).
public enum JournalEntry {
    /// Sends fields, named in capitals; nothing happens where no journald runs.
    public static func send(_ fields: [(name: String, value: String)]) {
        guard ServiceManager.isSystemd else { return }
        let texts = fields.map { Array("\($0.name)=\($0.value)".utf8) }
        let bytes = texts.flatMap(\.self)
        bytes.withUnsafeBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            var start = 0
            let parts = texts.map { text in
                defer { start += text.count }
                return iovec(
                    iov_base: UnsafeMutableRawPointer(mutating: base + start),
                    iov_len: text.count)
            }
            _ = parts.withUnsafeBufferPointer {
                sd_journal_sendv($0.baseAddress, Int32($0.count))
            }
        }
    }
}
