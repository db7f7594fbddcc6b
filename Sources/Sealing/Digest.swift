import CGcrypt

/// SHA-256 (FIPS 180-4) of what is fed to it, by libgcrypt.
package final class Digest {
    private var handle: gcry_md_hd_t?

    private static let isReady = gcry_check_version(nil) != nil

    package init() {
        precondition(Self.isReady, "libgcrypt refuses to start")
        guard gcry_md_open(&handle, Int32(GCRY_MD_SHA256.rawValue), 0) == 0 else {
            preconditionFailure("libgcrypt has no SHA-256")
        }
    }

    deinit { gcry_md_close(handle) }

    package func add(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { gcry_md_write(handle, $0.baseAddress, $0.count) }
    }

    /// The 32 bytes; nothing can be added any more.
    package func finish() -> [UInt8] {
        guard let result = gcry_md_read(handle, 0) else {
            preconditionFailure("SHA-256 that gives no result")
        }
        return Array(UnsafeBufferPointer(start: result, count: 32))
    }
}
