import Testing

@testable import Daemon

@Suite struct SilencesTests {
    /// An engine that hangs for an hour costs a handful of time limits, whatever runs on it.
    @Test func aRuntimeThatHangsIsAskedSeldomAndNeverGivenUp() {
        var silences = Silences()
        var asked: [Int64] = []
        for now in stride(from: Int64(0), to: 3_600_000, by: 1000) {
            for _ in 0..<1000 where silences.mayAsk("docker", at: now) {
                asked.append(now / 1000)
                silences.silent("docker", at: now)
            }
        }
        #expect(asked.prefix(8) == [0, 10, 30, 70, 150, 310, 610, 910])
        #expect(asked.count < 20)
        #expect(silences.mayAsk("podman", at: 0), "others are asked")
        silences.answered("docker")
        for now in [0, 1] as [Int64] { #expect(silences.mayAsk("docker", at: now)) }
        silences.silent("docker", at: 0)
        #expect(silences.mayAsk("docker", at: 10_000), "the wait begins anew")
    }
}
