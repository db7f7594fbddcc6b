import CgroupFormat
import Testing

@Suite struct MountTests {
    @Test(arguments: [
        (
            "25 30 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
            "/sys/fs/cgroup"
        ),
        (
            "30 1 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n31 30 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n32 30 0:28 / /sys/fs/cgroup/unified rw shared:9 - cgroup2 cgroup2 rw\n",
            "/sys/fs/cgroup/unified"
        ),
        ("25 30 0:23 / /mnt/my\\040cgroups rw - cgroup2 none rw\n", "/mnt/my cgroups"),
        ("25 30 0:23 / /a\\4 rw - cgroup2 none rw\n", "/a\\4"),
        ("25 30 0:23 / /a\\+07\\777 rw - cgroup2 none rw\n", "/a\\+07\\777"),
        ("25 30 0:23 / /cgroup2 rw - ext4 /dev/vda rw\n", nil), ("", nil), ("garbage\n", nil),
    ])
    func theFirstCgroup2IsFound(mountinfo: String, point: String?) {
        #expect(Mount.all(in: mountinfo).first { $0.type == "cgroup2" }?.point == point)
    }

    @Test(arguments: [
        ("/", "/dev/a"), ("/srv", "/dev/c"), ("/srv/x", "/dev/c"), ("/srv2", "/dev/a"),
        ("/srv/my disk/y", "/dev/my disk"),
    ])
    func aPathLiesOnTheNearestMountAndTheLastAtAPlace(path: String, source: String) {
        let mounts = Mount.all(
            in: """
                1 0 8:1 / / rw - ext4 /dev/a rw
                2 1 8:2 / /srv ro,nosuid - xfs /dev/b ro
                3 2 8:3 / /srv rw - xfs /dev/c rw,noquota
                4 3 8:4 / /srv/my\\040disk rw shared:1 master:2 - ext4 /dev/my\\040disk rw
                5 4 8:5 / /odd rw -
                """)
        #expect(mounts.holding(path)?.source == source)
        #expect(mounts.count == 4)
        #expect(
            mounts[2].typeOptions == ["rw", "noquota"] && mounts[1].options == ["ro", "nosuid"])
    }
}
