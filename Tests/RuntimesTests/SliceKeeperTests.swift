import Foundation
@testable import Runtimes
import TestSupport
import Testing
import Units

@Suite struct SliceKeeperTests {
    @Test(arguments: [
        ("/system.slice", true), ("/user.slice", true), ("/user.slice/user-1000.slice", true),
        ("/system.slice/system-getty.slice", true), ("/init.scope", true), ("/", true), ("", true),
        ("/tenant.slice/tenant-acme.slice", false), ("/system.slice/web.service", false),
        ("/machine.slice", false), ("/tenants/acme", false), ("/lab/system.slice", false),
    ])
    func slicesOfTheHostAndItsLogins(path: String, isHosts: Bool) {
        #expect(SliceKeeper.isHosts(path) == isHosts)
    }

    @Test func aUnitFileThatSomebodyElseMadeIsLeft() throws {
        let folder = try TemporaryFolder()
        let (etc, lib) = ("\(folder.path)/etc", "\(folder.path)/lib")
        try folder.write("[Slice]\n", to: "lib/machine.slice")
        try folder.write("[Slice]\n", to: "etc/own.slice")
        func make(_ slice: String) throws -> Bool {
            try SliceKeeper.make(slice, folder: etc, shipped: [lib])
        }
        #expect(try !make("machine.slice"), "it would override the distribution's")
        #expect(!FileManager.default.fileExists(atPath: "\(etc)/machine.slice"))
        #expect(try !make("own.slice"))
        #expect(try make("tenant-acme.slice") && !make("tenant-acme.slice"))
        #expect(SliceKeeper.isOwn("tenant-acme.slice", folder: etc))
        for slice in ["own.slice", "machine.slice", "none.slice", "../lib/machine.slice"] {
            #expect(!SliceKeeper.isOwn(slice, folder: etc), "\(slice)")
        }
    }
}
