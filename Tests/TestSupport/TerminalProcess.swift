import Foundation

/// What a program prints on a terminal of 80 columns and 24 lines.
///
/// - Parameter isEnough: asked for what it has printed so far; true ends the program.
public func onTerminal(
    _ program: String, _ words: [String], environment: [String: String],
    until isEnough: (String) -> Bool
) throws -> String {
    let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
    // TIOCSPTLCK and TIOCGPTN of pty(7): unlock the other end, and ask for its number.
    var (lock, number) = (Int32(0), UInt32(0))
    guard master >= 0, ioctl(master, 0x4004_5431, &lock) == 0,
        ioctl(master, 0x8004_5430, &number) == 0
    else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .ENOTTY) }
    let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
    var size = winsize(ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0)
    _ = ioctl(slave, UInt(TIOCSWINSZ), &size)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = words
    process.environment = environment
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle(fileDescriptor: slave)
    process.standardError = FileHandle.nullDevice
    try process.run()
    close(slave)
    defer { close(master) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 4096)
    // Reading fails once the program, the last one with the terminal, has ended.
    while true {
        let count = read(master, &block, block.count)
        guard count > 0 else { break }
        bytes += block[..<count]
        // A thread of the tests may block SIGTERM, and then so does what it starts.
        if isEnough(String(decoding: bytes, as: UTF8.self)) {
            kill(process.processIdentifier, SIGKILL)
        }
    }
    process.waitUntilExit()
    return String(decoding: bytes, as: UTF8.self)
}
