import TestSupport
import Testing

/// What kernels print, in the files as they were found on hosts, and what is billed of it.
@Suite struct FieldKernelTextTests {
    /// Meters containers `/crane0`, `/crane1` … whose file says one text after the other; one that has
    /// nothing more to say goes on saying its last.
    private func meter(
        _ cranes: [[String]], of file: String = "io.stat"
    ) throws -> (host: FieldHost, said: String) {
        let host = try FieldHost(["harbor": "{ cgroup: \"/crane*\" }"])
        var said = ""
        for stage in 0..<(cranes.map(\.count).max() ?? 0) {
            for (crane, texts) in cranes.enumerated() {
                try host.cgroup("/crane\(crane)", [file: texts[min(stage, texts.count - 1)]])
            }
            said += try host.collect()
        }
        return (host, said)
    }

    /// What is billed of each crane.
    private func billed(_ host: FieldHost, _ meter: String, _ cranes: Range<Int>) throws -> [Int?] {
        let used = try host.used(meter)
        return cranes.map { used["harbor /crane\($0)"] }
    }

    @Test func devicesThatShareALineAreToldApart() throws {
        let cranes = [
            // Loop devices beside, before and behind the disk; the last without a newline.
            [
                disk("259:0", read: 7168, written: 512) + "7:9 7:8 " + disk("7:5", read: 20480),
                disk("259:0", read: 10240, written: 2048) + "7:9 7:8 " + disk("7:5", read: 20480),
            ],
            [
                "7:1 7:0 " + disk("253:0", read: 7168, written: 512),
                "7:1 7:0 " + disk("253:0", read: 10240, written: 2048),
            ],
            [
                disk("8:0", read: 7168, written: 512) + "7:1 7:0 ",
                disk("8:0", read: 10240, written: 2048) + "7:1 7:0 ",
            ],
            // One that was never used gets its first figures.
            [
                "7:1 8:32 " + disk("8:0", read: 7168, written: 512),
                "7:1 " + disk("8:32", read: 1024, written: 1024)
                    + disk("8:0", read: 9216, written: 1024),
            ],
        ]
        let (host, said) = try meter(cranes)
        #expect(said == "")
        #expect(try billed(host, "io_read_bytes", cranes.indices) == [3072, 3072, 3072, 3072])
        #expect(try billed(host, "io_write_bytes", cranes.indices) == [1536, 1536, 1536, 1536])
        #expect(try billed(host, "io_read_ops", cranes.indices) == [6, 6, 6, 6])
    }

    @Test func emptyAndCostlyLinesDoNoHarm() throws {
        let cranes = [
            // Devices without figures, then a text without its end, then keys of io.cost and
            // io.latency.
            [
                "259:0 \n259:2\n", disk("259:0", written: 4096) + "259:2 ",
                "259:0 rbytes=0 wbytes=12288 rios=0 wios=24 dbytes=0 dios=0 cost.vrate=87.50"
                    + " cost.usage=31 cost.wait=2 cost.indebt=0 cost.indelay=0 use_delay=1"
                    + " delay_nsec=40 depth=max avg_lat=3 win=70\n259:2 \n",
            ],
            // Nothing was used at first, so there was no line.
            ["", disk("259:0", written: 12288)],
            // Values that no meter needs may be anything.
            [
                disk("259:0", written: 512),
                "259:0 dbytes=18446744073709551615 dios=-1 wios=25 wbytes=12800 rbytes=0 rios=0\n",
            ],
        ]
        let (host, said) = try meter(cranes)
        #expect(said == "")
        #expect(try billed(host, "io_write_bytes", cranes.indices) == [12288, 12288, 12288])
        #expect(try billed(host, "io_write_ops", cranes.indices) == [24, 24, 24])
        #expect(try billed(host, "io_read_bytes", cranes.indices) == [nil, nil, nil])
    }

    /// A text that cannot be taken is named, and the next whole one is billed from the one before.
    @Test func aLineThatCannotBeTakenIsNamedAndBilledByTheNext() throws {
        let odd = [
            ("259:0 rbytes=20", "259:0"),
            ("259:0 rbytes=x wbytes=0 rios=9 wios=0\n", "259:0 rbytes"),
            ("259:0 rbytes=4608 rbytes=9216\n", "259:0"),
            (disk("259:0", read: 4608) + disk("259:0", read: 5120), "259:0"),
            // What stands between the words is no blank, or the device is missing.
            ("259:0\trbytes=4608\twbytes=0\trios=9\twios=0\n", "a line of no device"),
            ("cost.usage=31\n", "a line of no device"), ("rbytes=4608\n", "a line of no device"),
        ]
        let (host, said) = try meter(
            odd.map { [disk("259:0", read: 1024), $0.0, disk("259:0", read: 6144)] })
        for (crane, (text, named)) in odd.enumerated() {
            #expect(said.contains("/crane\(crane)/io.stat: \(named): line "), "\(text)")
        }
        #expect(
            try billed(host, "io_read_bytes", odd.indices)
                == Array(repeating: 5120, count: odd.count))
    }

    /// A line that lost a key in its middle is no disk that began anew.
    @Test func aKeyThatALineLostIsNamedAndBilledByTheNext() throws {
        let (before, after) = (
            "259:0 rbytes=2048 wbytes=4096 rios=2 wios=4 dbytes=0 dios=0\n",
            "259:0 rbytes=8192 wbytes=4608 rios=8 wios=5 dbytes=0 dios=0\n"
        )
        let cranes = [
            [before, "259:0 rbytes=4096 wbytes=4096\n", after],
            [
                before, "259:0 rbytes=4096 wbytes=4096 dbytes=0 dios=0\n",
                "259:0 rbytes=4096 wbytes=4096 rios=4 wios=4\n", after,
            ],
            // Its first line: what it had counted before is not billed.
            ["259:0 rbytes=2048 wbytes=4096\n", before, after],
            // One that is known to stand at 0 may be left out.
            [
                "259:0 rbytes=2048 wbytes=0 rios=2 wios=0\n", "259:0 rbytes=2048 rios=2\n",
                "259:0 rbytes=8192 wbytes=512 rios=8 wios=1\n",
            ],
        ]
        let (host, said) = try meter(cranes)
        for crane in 0..<3 {
            for meter in ["io_read_ops", "io_write_ops"] {
                let text = "/crane\(crane): \(meter) of 259:0 is missing beside the others"
                #expect(said.contains(text), "\(said)")
            }
        }
        #expect(!said.contains("/crane3") && !said.contains("anew"), "\(said)")
        #expect(try billed(host, "io_read_bytes", cranes.indices) == [6144, 6144, 6144, 6144])
        #expect(try billed(host, "io_write_bytes", cranes.indices) == [512, 512, 512, 512])
        #expect(try billed(host, "io_read_ops", cranes.indices) == [6, 6, 6, 6])
        #expect(try billed(host, "io_write_ops", cranes.indices) == [1, 1, 1, 1])
    }

    @Test func aDiskThatGotTheNumberOfAnotherIsBilledFromZero() throws {
        let (system, old) = (disk("8:0", read: 2048), disk("8:48", read: 640_000))
        let cranes = [
            // The new disk had read less than the old one, and more.
            [system + old, system, system + disk("8:48", read: 410_112)],
            [system + old, system, system + disk("8:48", read: 901_120)],
            // The kernel gave the number anew between two readings, and that is said.
            [system + old, system + disk("8:48", read: 410_112)],
        ]
        let (host, said) = try meter(cranes)
        #expect(try billed(host, "io_read_bytes", cranes.indices) == [410_112, 901_120, 410_112])
        #expect(said.hasSuffix("/crane2: io.stat 8:48 began anew"), "\(said)")
        #expect(said.split(separator: "\n").count == 1)
    }

    /// What is billed is anon, kernel, sock and shmem, over time.
    @Test func aKeyOfMemoryThatNoFormulaNeedsMayBeAnything() throws {
        let cranes = [
            memoryStat("zswap 18446744073709543424\nworkingset_refault_anon 6\n"),
            memoryStat("percpu 18446744073709543424\nslab -1\nvmalloc x\n"),
            memoryStat("hugetlb 18446744073709551615\nthp_fault_alloc -4\n\na_new_key 1 2\n"),
            // A kernel before 5.18 prints the parts of its own memory, not their sum.
            memoryStat(kernel: "kernel_stack 1024\npercpu 512\nslab 2560\n"),
        ]
        let (host, said) = try meter(cranes.map { [$0, $0] }, of: "memory.stat")
        #expect(said == "")
        for (crane, billed) in try billed(host, "memory", cranes.indices).enumerated() {
            #expect(try #require(billed) > 0)
            let samples = try table(
                host.must("samples", "--container", "/crane\(crane)", "--format", "csv").output)
            #expect(samples.count > 1)
            for sample in samples {
                let read = ["anon", "kernel", "sock", "shmem"].map { sample["\($0)_bytes"] }
                #expect(read == ["8192", "4096", "0", "0"], "\(cranes[crane])")
            }
        }
    }

    @Test func memoryIsNotBilledWithoutAKeyThatItsFormulaNeeds() throws {
        let keys = ["anon", "kernel", "sock", "shmem"]
        let cranes = keys.map { key in
            memoryStat().split(separator: "\n").map {
                $0.hasPrefix("\(key) ") ? "\(key) 18446744073709543424\n" : "\($0)\n"
            }.joined()
        }
        let (host, said) = try meter(cranes.map { [$0] }, of: "memory.stat")
        for (crane, key) in keys.enumerated() {
            #expect(
                said.contains("/crane\(crane)/memory.stat unreclaimable: \(key): line "), "\(said)")
        }
        #expect(try billed(host, "memory", keys.indices) == [nil, nil, nil, nil])
    }

    @Test func cpuTimeIsBilledByItsOwnLineAlone() throws {
        let cranes = [
            ["usage_usec 900\nuser_usec 18446744073709551615\n", "usage_usec 2100\n"],
            ["nr_bursts x\nusage_usec 900\n", "system_usec -1\nnice_usec 4\nusage_usec 2100\n"],
            // The line is missing once, the file is empty once, then it is back.
            ["usage_usec 900\n", "user_usec 5\n", "", "usage_usec 2100\n"],
            // It went back: only what comes above the highest is new.
            ["usage_usec 900\n", "usage_usec 700\n", "usage_usec 950\n"],
        ]
        let (host, said) = try meter(cranes, of: "cpu.stat")
        #expect(try billed(host, "cpu", cranes.indices) == [1200, 1200, 1200, 50])
        #expect(said.contains("/crane2/cpu.stat: usage_usec: found no line"), "\(said)")
        #expect(said.contains("/crane3: usage_usec went back below 900"), "\(said)")
    }
}
