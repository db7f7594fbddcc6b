import CGcrypt

/// Computes a SHA-256 hash (FIPS 180-4) piece by piece, with libgcrypt.
package final class Digest {
    /// The state in libgcrypt.
    private var handle: gcry_md_hd_t?

    /// Whether libgcrypt is initialised; gcry_check_version must be called before anything else.
    private static let isReady = gcry_check_version(nil) != nil

    /// Starts a hash.
    ///
    /// It stops the program if libgcrypt cannot be used, because nothing could be verified then.
    package init() {
        precondition(Self.isReady, "libgcrypt refuses to start")
        guard gcry_md_open(&handle, Int32(GCRY_MD_SHA256.rawValue), 0) == 0 else {
            preconditionFailure("libgcrypt has no SHA-256")
        }
    }

    deinit { gcry_md_close(handle) }

    /// Adds bytes to what is hashed.
    package func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { gcry_md_write(handle, $0.baseAddress, $0.count) }
    }

    /// The 32 bytes of the hash.
    ///
    /// Nothing can be added afterwards.
    package func finish() -> [UInt8] {
        guard let result = gcry_md_read(handle, 0) else {
            preconditionFailure("SHA-256 that gives no result")
        }
        return Array(UnsafeBufferPointer(start: result, count: 32))
    }
}
