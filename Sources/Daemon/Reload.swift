import Synchronization
import Units

/// What a running daemon is to take over from settings that were read again, at its next tick.
public final class Reload: Sendable {
    public struct Wish: Sendable {
        public var sampleRetentionMilliseconds: Int64?
        public var zone: BillingZone
        /// `nil` only meters.
        public var enforcement: Enforcement?

        public init(
            sampleRetentionMilliseconds: Int64?, zone: BillingZone, enforcement: Enforcement?
        ) {
            self.sampleRetentionMilliseconds = sampleRetentionMilliseconds
            self.zone = zone
            self.enforcement = enforcement
        }
    }

    private let wish = Mutex<Wish?>(nil)

    public init() {}

    public func ask(_ wish: Wish) { self.wish.withLock { $0 = wish } }

    /// What was asked for since it was last taken; `nil` is nothing.
    func take() -> Wish? {
        wish.withLock { wish in
            defer { wish = nil }
            return wish
        }
    }
}
