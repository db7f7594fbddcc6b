import Dispatch

/// Runs an actor on a thread of its own, so that it may wait in the kernel, for a disk or for a program that is
/// slow to answer.
///
/// Swift's shared threads must not wait: there are only as many of them as cores.
final class BlockingExecutor: SerialExecutor {
    private let queue: DispatchQueue

    init(_ name: String) { queue = DispatchQueue(label: "octroi.\(name)") }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}

/// Runs work that waits in the kernel until it ends.
actor BlockingRunner {
    private nonisolated let executor: BlockingExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(_ name: String) { executor = BlockingExecutor(name) }

    func run(_ work: @Sendable () throws -> Void) throws { try work() }
}
