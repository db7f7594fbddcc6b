import CSystemd
import Glibc

/// Writes entries to systemd's journal (sd_journal_sendv(3)).
public enum JournalEntry {
    /// Sends one entry; does nothing if systemd does not run on this host.
    ///
    /// - Parameter fields: names are capital letters, such as `MESSAGE` or `TENANT`.
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
