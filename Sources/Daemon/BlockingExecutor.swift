import Dispatch

/// Runs an actor on a serial queue of its own, so that the actor may block.
///
/// Swift's shared threads must not block, because there are only as many as cores. An actor with
/// this executor can wait for the kernel, for a disk or for a slow program, and delays no other
/// task.
final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    /// Creates the queue.
    ///
    /// - Parameter name: shown by debuggers as `octroi.NAME`.
    init(_ name: String) { queue = DispatchQueue(label: "octroi.\(name)") }

    /// Runs a job of the actor on the queue; Swift's runtime calls this.
    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Runs a blocking function on a thread of its own.
///
/// Example: `try await BlockingRunner("collect").run { try collect(until: stop) }`.
actor BlockingRunner {
    private nonisolated let executor: BlockingExecutor
    /// The executor of this actor, in place of Swift's shared threads.
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    /// Creates the executor under a name for debuggers.
    init(_ name: String) { executor = BlockingExecutor(name) }

    /// Runs `work` to its end; the calling task is suspended meanwhile.
    ///
    /// - Throws: what `work` throws.
    func run(_ work: @Sendable () throws -> Void) throws { try work() }
}
