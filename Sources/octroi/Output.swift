import Glibc
import Reporting
import Units

/// Prints a sheet on standard output.
func show(_ sheet: Sheet, _ format: Format) throws(Fault) {
    try output(sheet.rendered(as: format, onTerminal: isTerminal(STDOUT_FILENO)))
}

/// Prints text on standard output, all of it or a fault.
func output(_ text: String) throws(Fault) {
    guard write(text, to: STDOUT_FILENO) else {
        if errno == EPIPE { endByBrokenPipe() }
        throw Fault(
            .failed, at: "standard output",
            found: "not all could be written (\(String(cString: strerror(errno))))",
            cure: "Check the disk or the program it goes to, then run it again")
    }
}

/// Ends without a word, as writers do whose reader has seen enough, as head has.
private func endByBrokenPipe() {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
}

/// Prints one line on standard error, a screen of it at most.
func complain(_ line: String) { writeError(shortened(line, to: 2000) + "\n") }

/// Writes to standard error without buffering.
func writeError(_ text: String) { _ = write(text, to: STDERR_FILENO) }

private func write(_ text: String, to descriptor: Int32) -> Bool {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        bytes.removeFirst(count)
    }
    return true
}

/// Whether a person looks at the descriptor and wants colours (no-color.org).
func isTerminal(_ descriptor: Int32) -> Bool {
    isatty(descriptor) == 1 && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
}
