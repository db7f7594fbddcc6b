import Foundation
import TestSupport
import Testing

/// What is printed on a terminal, and not into a file.
@Suite struct TerminalTests {
    private let desk: Desk

    init() throws {
        desk = try Desk()
        try desk.run("apply", "\(repository)/config/prices.yaml").expectSuccess()
    }

    private func terminal(
        _ words: [String], _ environment: [String: String] = [:],
        until isEnough: (String) -> Bool = { _ in false }
    ) throws -> String {
        let own = ["OCTROI_DB": desk.store, "OCTROI_CONFIG": "\(repository)/config"]
        return try onTerminal(
            octroiPath, words, environment: own.merging(environment) { $1 }, until: isEnough)
    }

    /// A heading is bold, unless `NO_COLOR` is set.
    @Test func noColorTakesTheBoldAway() throws {
        let words = ["price", "show"]
        #expect(try terminal(words).contains("\u{1B}[1m"))
        #expect(try terminal(words, ["NO_COLOR": ""]).contains("\u{1B}[1m"))
        let plain = try terminal(words, ["NO_COLOR": "1"])
        #expect(plain.contains("standard") && !plain.contains("\u{1B}"))
    }

    /// `NO_COLOR` is about styles: `top` still shows itself again and again.
    @Test func topGoesOnWithoutColor() throws {
        let clear = "\u{1B}[2J"
        let text = try terminal(["top", "--interval", "10ms"], ["NO_COLOR": "1"]) {
            $0.components(separatedBy: clear).count > 3
        }
        #expect(text.contains(clear) && !text.contains("\u{1B}[1m"))
    }
}

extension ProcessResult {
    /// Expects that it ended well.
    fileprivate func expectSuccess() { #expect(status == 0, "\(errors)") }
}
