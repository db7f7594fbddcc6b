import Glibc
import Reporting
import Units

/// Prints a sheet on standard output.
func show(_ sheet: Sheet, _ format: Format) throws(Fault) {
    guard isTerminal(STDOUT_FILENO) else { return try output(sheet.rendered(as: format)) }
    try outputStyled(sheet.rendered(as: format, onTerminal: true))
}

/// Prints text on standard output, all of it or a fault.
///
/// No name in it reaches the terminal as a command, whoever chose it.
func output(_ text: String) throws(Fault) { try outputStyled(escapingTerminalControls(text)) }

/// Prints text with Octroi's own commands to the terminal; what is foreign in it is harmless already, as
/// in every sheet.
func outputStyled(_ text: String) throws(Fault) {
    guard write(text, to: STDOUT_FILENO) else {
        if errno == EPIPE { endByBrokenPipe() }
        throw Fault(
            .failed, at: "standard output",
            problem: "not all could be written (\(String(cString: strerror(errno))))",
            suggestion: "Check the disk or the program it goes to, then run it again")
    }
}

/// Ends without a word, as writers do whose reader has seen enough, as head has.
private func endByBrokenPipe() {
    signal(SIGPIPE, SIG_DFL)
    raise(SIGPIPE)
}

/// Prints one line on standard error, a screen of it at most.
///
/// No name in it reaches the terminal as a command, whoever chose it.
func printError(_ line: String) {
    writeError(escapingTerminalControls(shortened(line, to: 2000)) + "\n")
}

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
