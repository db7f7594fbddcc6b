import Foundation

/// A condition that a test waited for, and that never became true.
public struct NeverHeld: Error, CustomStringConvertible {
    public let description: String
}

/// Waits until a condition is true, and checks it again and again.
///
/// This is the only way in which a test waits for a process. The time limit ends a test that would hang
/// otherwise. No verdict depends on how fast the host is.
///
/// - Parameter what: the condition in words, for the error.
public func eventually(
    _ what: String, within seconds: Int = 60, file: String = #fileID, line: Int = #line,
    _ condition: () throws -> Bool
) throws {
    let end = monotonicSeconds() + seconds
    while try !condition() {
        guard monotonicSeconds() < end else {
            throw NeverHeld(description: "\(file):\(line): not within \(seconds) s: \(what)")
        }
        usleep(10_000)
    }
}

/// Lets a process under test run until a random moment, at which the test kills it.
///
/// It waits for no condition: the test's assertions hold whenever the kill comes.
public func pauseAtRandom(
    upToMilliseconds most: UInt32, using random: inout some RandomNumberGenerator
) {
    usleep(UInt32.random(in: 1000...most * 1000, using: &random))
}

private func monotonicSeconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec
}
