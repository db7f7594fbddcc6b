import Glibc
import Reporting

/// Prints a sheet on standard output.
func show(_ sheet: Sheet, _ format: Format) {
    print(sheet.rendered(as: format, onTerminal: isTerminal(STDOUT_FILENO)), terminator: "")
}

/// Prints one line on standard error.
func complain(_ line: String) { writeError(line + "\n") }

/// Writes to standard error without buffering.
func writeError(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        bytes.removeFirst(count)
    }
}

/// Whether a person looks at the descriptor and wants colours (no-color.org).
func isTerminal(_ descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
}
