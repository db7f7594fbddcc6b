import Metering
import Testing
import Units

@Suite struct ClockLeapTests {
    private static let day: Int64 = 86_400

    /// Seconds of the wall clock and after boot; what it is compared with; how far it leapt, in seconds.
    @Test(
        arguments: [
            // Of the same boot, the time since then says what it must be.
            (1_000_000, 500, 999_900, 400, 0), (1_000_000, 500, 999_899, 400, 0),
            (1_000_000 + day, 500, 999_900, 400, 0), (1_000_001 + day, 500, 999_900, 400, day + 1),
            (999_999 - day, 500, 999_900, 400, -day - 1),
            (2_208_988_800, 500, 999_900, 400, 2_207_988_800),
            (1_000_000 + 70 * day, 500 + 70 * day, 1_000_000, 500, 0),
        ] as [(Int64, Int64, Int64, Int64, Int64)])
    func withinABoot(
        _ wall: Int64, _ boot: Int64, _ lastWall: Int64, _ lastBoot: Int64, _ leap: Int64
    ) {
        #expect(
            doubtfulLeap(
                of: moment(wall, boot), after: moment(lastWall, lastBoot), newest: nil)
                == leap * 1000)
    }

    /// Nobody knows how long a host was off: it may be later, and hardly earlier.
    @Test(
        arguments: [
            (0, 0), (300 * day, 0), (-day, 0), (-day - 1, -day - 101), (367 * day, 367 * day - 100),
            (-41 * 365 * day, -41 * 365 * day - 100),
        ] as [(Int64, Int64)])
    func overAReboot(_ later: Int64, _ leap: Int64) {
        let newest = Instant(seconds: 1_800_000_000)
        #expect(
            doubtfulLeap(of: moment(1_800_000_000 + later, 100), after: nil, newest: newest)
                == leap * 1000)
        #expect(doubtfulLeap(of: moment(later, 100), after: nil, newest: nil) == 0)
    }

    private func moment(_ wall: Int64, _ boot: Int64) -> Moment {
        Moment(wall: Instant(seconds: wall), bootMicroseconds: boot * 1_000_000)
    }
}
