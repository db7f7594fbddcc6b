import Foundation
import Settings
import TestSupport
import Testing
import Units

@Suite struct SafeFilesTests {
    @Test(arguments: [
        ("octroi.yaml", mode_t(0o644), false), ("octroi.yaml", 0o664, false),
        ("octroi.yaml", 0o646, true), ("prices.yaml", 0o602, true), ("other.txt", 0o666, false),
        (".", 0o755, false), (".", 0o777, true), (".", 0o1777, true),
    ])
    func whatEverybodyMayWriteIsNamed(_ name: String, _ mode: mode_t, _ isNamed: Bool) throws {
        let folder = try TemporaryFolder()
        let path = name == "." ? folder.path : "\(folder.path)/\(name)"
        if name != "." { try folder.write("", to: name) }
        try #require(chmod(path, mode) == 0)
        #expect(writableByAll(in: folder.path) == (isNamed ? [path] : []))
    }
}
