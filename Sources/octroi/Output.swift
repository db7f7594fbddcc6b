import Glibc
import Reporting
import Units

/// Prints a sheet on standard output; on a terminal, a table gets a bold header line.
func show(_ sheet: Sheet, _ format: Format) throws(Fault) {
    guard hasStyles(STDOUT_FILENO) else { return try output(sheet.rendered(as: format)) }
    try outputStyled(sheet.rendered(as: format, onTerminal: true))
}

/// Prints text on standard output.
///
/// Characters that a terminal obeys are escaped, so that a container's name cannot control it.
///
/// - Throws: `failed` if not all of the text could be written.
func output(_ text: String) throws(Fault) { try outputStyled(escapingTerminalControls(text)) }

/// Prints text that may contain escape sequences of Octroi.
///
/// Everything else in it must be safe already, as in the text of a sheet.
///
/// - Throws: `failed` if not all of the text could be written.
func outputStyled(_ text: String) throws(Fault) {
    guard write(text, to: STDOUT_FILENO) else {
        if errno == EPIPE { endByBrokenPipe() }
        throw Fault(
            .failed, at: "standard output",
            problem: "could not write all output (\(String(cString: strerror(errno))))",
            suggestion: "Check the disk or the program it goes to, then run it again")
    }
}

/// Ends the process by SIGPIPE, without a message.
///
/// That is how filters end whose reader has read enough, as in `octroi usage | head`.
private func endByBrokenPipe() {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
}

/// Prints a message on standard error, shortened to a screen.
///
/// Characters that a terminal obeys are escaped.
func printError(_ line: String) {
    writeError(escapingTerminalControls(shortened(line, to: 2000)) + "\n")
}

/// Writes to standard error as it is, without buffering and without a newline.
func writeError(_ text: String) { _ = write(text, to: STDERR_FILENO) }

/// Writes all of a text, however many calls of write(2) that takes.
///
/// - Returns: `false` on an error, which is in `errno`.
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

/// Whether a descriptor is a terminal.
func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

/// Whether text on a descriptor may be bold: a terminal, and `NO_COLOR` is not set (no-color.org).
func hasStyles(_ descriptor: Int32) -> Bool {
    isTerminal(descriptor) && (getenv("NO_COLOR").map { $0.pointee == 0 } ?? true)
}
