/// Jobs of Slurm, below the scope of its daemon: `slurmstepd.scope/job_7`.
struct Slurm: ContainerRuntime {
    let name = "slurm"

    func step(_ name: Substring, at place: Place) -> Step? {
        if place.holdsUnits, let stem = name.dropping(suffix: ".scope"),
            stem == "slurmstepd" || stem.hasSuffix("_slurmstepd")
        {
            return .holder(.folder("slurm"), "slurm")
        }
        guard place == .folder("slurm") else { return nil }
        if let job = name.dropping(prefix: "job_") { return .container("slurm", job) }
        // `system` holds a process that only keeps the scope alive.
        return name == "system" ? .monitor("slurm") : nil
    }
}
