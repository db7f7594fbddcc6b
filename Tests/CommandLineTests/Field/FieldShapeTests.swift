import TestSupport
import Testing

/// Trees of cgroups as runtimes make them: what is one container, and whose.
@Suite struct FieldShapeTests {
    private static let (a, b) = (
        String(repeating: "4a", count: 32), String(repeating: "7e", count: 32)
    )
    private static let pods = "/system.slice/containerd.service/kubepods-besteffort-pod"

    /// Names are printed with what is not plain ASCII escaped.
    @Test func everyOddNameIsOneContainer() throws {
        let names =
            [
                ("two words", nil), ("dou\"ble", nil), ("sin'gle", nil), ("com,ma", nil),
                ("co:lon", nil),
                ("back\\x5fslash", nil), ("semi;colon", nil), ("per%cent", nil),
                ("st*ar", nil), ("=2+2", nil), ("-x", nil), (".dot", nil), ("que?ry", nil),
                ("[set]", nil), ("a@b", nil), ("#no", nil), ("$(id)", nil), ("~", nil),
                ("...", nil),
                ("+9", nil), ("line\nbreak", "line\\x0Abreak"), ("tab\tstop", "tab\\x09stop"),
                ("\u{1B}[31m", "\\x1B[31m"), ("żuk", "\\xC5\\xBCuk"), ("船", "\\xE8\\x88\\xB9"),
                ("🦀", "\\xF0\\x9F\\xA6\\x80"), ("\u{E9}", "\\xC3\\xA9"),
            ] as [(String, String?)]
        let host = try FieldHost(["harbor": "{ cgroup: \"/yard/**\" }"])
        var (rises, billed) = ([String: Int](), [String: Int]())
        for (index, (name, printed)) in names.enumerated() {
            rises["/yard/\(name)"] = 200 + index
            billed["harbor /yard/\(printed ?? name)"] = 200 + index
        }
        let (used, said) = try host.meter(rises: rises)
        #expect(used == billed)
        #expect(said == "")
    }

    @Test(
        arguments: [
            // Proxmox, and a guest of it with no namespace of its own.
            (
                "{ cgroup: \"/lxc/214**\" }",
                ["/lxc/214/ns/init.scope": 55, "/lxc/214/ns/system.slice/ssh.service": 165],
                ["harbor /lxc/214": 220]
            ),
            ("{ cgroup: \"/lxc/**\" }", ["/lxc/214/ns": 55], ["harbor /lxc/214": 55]),
            // Containers inside containers: Docker, kind, Incus.
            (
                "{ cgroup: \"/docker/**\" }", ["/docker/\(a)/docker/\(b)": 70, "/docker/\(a)": 9],
                ["harbor /docker/\(a)": 79]
            ),
            (
                "{ cgroup: \"/system.slice/docker-*\" }",
                [
                    "/system.slice/docker-\(a).scope/init.scope": 11,
                    "/system.slice/docker-\(a).scope/kubelet.slice/kubelet-kubepods.slice/"
                        + "kubelet-kubepods-pod3.slice/cri-containerd-\(b).scope": 22,
                ], ["harbor /system.slice/docker-\(a).scope": 33]
            ),
            (
                "{ cgroup: /lxc.payload.pier }",
                [
                    "/lxc.payload.pier/lxc.payload.x/init.scope": 8,
                    "/lxc.payload.pier/init.scope": 1,
                ],
                ["harbor /lxc.payload.pier": 9]
            ),
            (
                "{ unit: \"systemd-nspawn@pier.service\" }",
                [
                    "/machine.slice/systemd-nspawn@pier.service/supervisor": 4,
                    "/machine.slice/systemd-nspawn@pier.service/payload/system.slice/x.service": 3,
                ], ["harbor /machine.slice/systemd-nspawn@pier.service": 7]
            ),
            // A system container of unknown make is told by its init.
            (
                "{ cgroup: \"/machine.slice/77/**\" }",
                ["/machine.slice/77/init.scope": 1, "/machine.slice/77/system.slice/a.service": 2],
                ["harbor /machine.slice/77": 3]
            ),
            // Two containers of one task stay two.
            (
                "{ cgroup: \"/ecs/**\" }", ["/ecs/task9/\(a)": 5, "/ecs/task9/\(b)": 6],
                ["harbor /ecs/task9/\(a)": 5, "harbor /ecs/task9/\(b)": 6]
            ),
            (
                "{ slice: ecstasks.slice }",
                ["/ecstasks.slice/ecstasks-9.slice/docker-\(a).scope": 5],
                ["harbor /ecstasks.slice/ecstasks-9.slice/docker-\(a).scope": 5]
            ),
        ] as [(String, [String: Int], [String: Int])])
    func aContainerIsOneHoweverItIsBuilt(
        rule: String, rises: [String: Int], billed: [String: Int]
    ) throws {
        let host = try FieldHost(["harbor": rule])
        let (used, said) = try host.meter(rises: rises)
        #expect(used == billed)
        #expect(said == "")
    }

    @Test func noGuestAndNoLoginNamesItselfIntoATenant() throws {
        let host = try FieldHost([
            "harbor": "{ unit: \"harbor-*.service\" }, { slice: tenant-harbor.slice }",
            "quarry": "{ cgroup: \"/lxc/31/**\" }, { cgroup: \"/user.slice/**\" }",
        ])
        let login = "/user.slice/user-1200.slice/user@1200.service"
        let (used, _) = try host.meter(rises: [
            "/tenant.slice/tenant-harbor.slice/db.service": 13,
            "/system.slice/harbor-a.service": 17,
            "/lxc/31/ns/system.slice/harbor-b.service": 400,
            "\(login)/tenant.slice/tenant-harbor.slice/y.service": 500,
            "\(login)/app.slice/harbor-c.service": 600, "\(login)/harbor-d.service": 700,
            "/lxc.payload.u/system.slice/harbor-e.service": 800,
            "/machine.slice/systemd-nspawn@v.service/payload/system.slice/harbor-f.service": 900,
            "/system.slice/docker-\(Self.a).scope/tenant.slice/tenant-harbor.slice/g.service": 950,
        ])
        #expect(
            used == [
                "harbor /tenant.slice/tenant-harbor.slice/db.service": 13,
                "harbor /system.slice/harbor-a.service": 17, "quarry /lxc/31": 400,
                "quarry \(login)/tenant.slice/tenant-harbor.slice/y.service": 500,
                "quarry \(login)/app.slice/harbor-c.service": 600,
                "quarry \(login)/harbor-d.service": 700, "unattributed /lxc.payload.u": 800,
                "unattributed /machine.slice/systemd-nspawn@v.service": 900,
                "unattributed /system.slice/docker-\(Self.a).scope": 950,
            ])
    }

    @Test(
        arguments: [
            (
                "{ cgroup: \"\(pods)8*\" }", "{ cgroup: \"\(pods)9*\" }",
                "\(pods)8c.slice:cri-containerd:\(a)", "\(pods)9d.slice:cri-containerd:\(b)"
            ),
            // The same without the service, and with CRI-O.
            (
                "{ cgroup: \"/kubepods-pod8*\" }", "{ cgroup: \"/kubepods-pod9*\" }",
                "/kubepods-pod8.slice:cri-containerd:\(a)", "/kubepods-pod9.slice:docker:\(b)"
            ),
            (
                "{ cgroup: \"/system.slice/crio.service/kubepods/pod8/**\" }",
                "{ cgroup: \"/system.slice/crio.service/kubepods/pod9/**\" }",
                "/system.slice/crio.service/kubepods/pod8/crio-\(a)",
                "/system.slice/crio.service/kubepods/pod9/crio-\(b)"
            ),
            // Tenant roots inside the service.
            (
                "{ root: /system.slice/k3s.service/kubepods/burstable/pod8 }",
                "{ root: /system.slice/k3s.service/kubepods/burstable/pod9 }",
                "/system.slice/k3s.service/kubepods/burstable/pod8/\(a)",
                "/system.slice/k3s.service/kubepods/burstable/pod9/\(b)"
            ),
            (
                "{ root: /system.slice/dock.service/t/8 }",
                "{ root: /system.slice/dock.service/t/9 }",
                "/system.slice/dock.service/t/8/web", "/system.slice/dock.service/t/9/web"
            ),
        ])
    func podsOfTwoTenantsInsideOneServiceAreToldApart(
        harbor: String, quarry: String, first: String, second: String
    ) throws {
        let host = try FieldHost(["harbor": harbor, "quarry": quarry])
        let (used, said) = try host.meter(rises: [first: 140, second: 260])
        #expect(used == ["harbor \(first)": 140, "quarry \(second)": 260])
        #expect(said == "")
    }

    /// What the engine itself uses beside its pods is in no account, and that is said.
    @Test func anEngineBesideItsPodsIsNamed() throws {
        let host = try FieldHost(["harbor": "{ cgroup: \"\(Self.pods)8*\" }"])
        let pod = "\(Self.pods)8.slice:cri-containerd:\(Self.a)"
        let (used, said) = try host.meter(rises: [
            pod: 140, "/system.slice/containerd.service": 30,
        ])
        #expect(used == ["harbor \(pod)": 140])
        #expect(said.contains("/system.slice/containerd.service: it holds processes beside"))
    }

    @Test(arguments: [
        ("{ cgroup: \"/guest**\" }", "/guest"), ("{ root: /guest }", "/guest"),
        ("{ cgroup: \"/machine/**\" }", "/machine/qemu-5-guest.libvirt-qemu"),
    ])
    func aVirtualMachineWithThreadedCgroupsIsOneContainer(rule: String, path: String) throws {
        let host = try FieldHost(["harbor": rule])
        func set(cpu: Int, read: Int) throws {
            try host.cgroup(
                path, cpu: cpu,
                [
                    "cgroup.type": "domain threaded\n", "io.stat": disk("8:0", read: read),
                    "memory.current": "3221225472\n",
                ])
            for name in ["emulator", "vcpu0", "vcpu1", "iothread1"] {
                try host.cgroup(
                    "\(path)/\(name)", cpu: cpu / 4,
                    [
                        "cgroup.type": "threaded\n", "cgroup.threads": "1\n",
                        "cgroup.controllers": "cpu pids\n", "cgroup.procs": nil, "io.stat": nil,
                        "memory.current": nil, "memory.stat": nil,
                    ])
            }
        }
        try set(cpu: 400, read: 1024)
        #expect(try host.collect() == "")
        try set(cpu: 2600, read: 9216)
        #expect(try host.collect() == "")
        #expect(try host.used("cpu") == ["harbor \(path)": 2200])
        #expect(try host.used("io_read_bytes") == ["harbor \(path)": 8192])
        #expect(try host.used("memory").keys.sorted() == ["harbor \(path)"])
    }
}
