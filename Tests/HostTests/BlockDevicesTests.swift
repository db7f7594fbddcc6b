import Host
import CgroupFormat
import Foundation
import TestSupport
import Testing
import Units

/// Devices by numbers and by paths, on whatever disks the host has.
@Suite struct BlockDevicesTests {
    /// A number that no host gives to a device.
    private let unknown = DeviceNumber(major: 4095, minor: 1_048_575)

    /// The disks and partitions of this host, as far as it shows them.
    private static let known: [DeviceNumber] =
        ((try? FileManager.default.contentsOfDirectory(atPath: "/sys/dev/block")) ?? [])
        .compactMap { DeviceNumber($0) }.sorted()

    @Test func whatTheHostDoesNotKnowIsOneDeviceByItself() throws {
        #expect(!BlockDevices.isStacked(unknown))
        #expect(BlockDevices.node(unknown) == nil)
        #expect(try BlockDevices.resolve("\(unknown)") == unknown)
    }

    /// A loop device shows its file's traffic, which the disk below counts as well.
    @Test(arguments: [(7, 0, true), (7, 4096, true), (70, 0, false), (0, 7, false)])
    func loopDevicesAreStackedAttachedOrNot(major: Int64, minor: Int64, isStacked: Bool) {
        #expect(BlockDevices.isStacked(DeviceNumber(major: major, minor: minor)) == isStacked)
    }

    @Test(arguments: [
        "", "vda", "dev/vda", "/nowhere/at/all", "8:", ":0", "8:0:1", "a:b", "8 0", " 8:0",
        "/dev/../nowhere", "/proc/version/x", "/nowhere\u{1B}[2J", "-1:0",
    ])
    func whatIsNoDeviceIsWrongUse(name: String) {
        let fault = #expect(throws: Fault.self) { try BlockDevices.resolve(name) }
        #expect(fault?.kind == .wrongUse && fault?.suggestion.isEmpty == false)
        #expect(fault?.location == "io.max=\(escapingControlCharacters(name))")
    }

    /// A file system that the kernel makes up lies on no disk.
    @Test func whatLiesOnNoDiskIsSaidToBe() throws {
        let fault = #expect(throws: Fault.self) { try BlockDevices.resolve("/proc/version") }
        let missing = #expect(throws: Fault.self) { try BlockDevices.resolve("/nowhere") }
        #expect(fault?.kind == .wrongUse && fault?.location == "io.max=/proc/version")
        #expect(fault?.problem != missing?.problem)
    }

    @Test(.enabled(if: !known.isEmpty, "the host shows no block device"), arguments: known)
    func aDiskOfThisHostIsFoundByItsNumber(device: DeviceNumber) throws {
        let disk = try BlockDevices.resolve("\(device)")
        #expect(try BlockDevices.resolve("\(disk)") == disk, "a disk is no partition")
        let partition = "/sys/dev/block/\(device)/partition"
        #expect((disk != device) == FileManager.default.fileExists(atPath: partition))
        let node = try #require(BlockDevices.node(device))
        #expect(node.hasPrefix("/dev/") && node.utf8.count > 5 && !node.contains("\n"))
    }
}
