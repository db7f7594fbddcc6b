import Invoicing
import Pricing
import Reporting
import TestSupport
import Testing
import Units

@Suite struct FocusFormatTests {
    private func invoice(_ number: String = "OCT-000001") throws -> InvoiceDocument {
        let book = try Made.book(
            ["cpu": try Made.price("0.04", "1 vCPU-hour")], taxes: [try Made.tax("20")])
        return Made.document(
            try Made.draft(book, [Made.use("/web", "cpu", 5_400_000_000)]), number)
    }

    @Test(arguments: FocusVersion.allCases)
    func costAndUsageHasTheColumnsOfItsVersion(version: FocusVersion) throws {
        let table = try ReadTable(focus: [try invoice()], version)
        #expect(table.columns == focusColumns(version.rawValue))
        // A row for the usage, and one for the tax.
        #expect(table.rows.map { $0["ChargeCategory"] } == ["Usage", "Tax"])
    }

    /// Columns stand in alphabetical order, and none stands twice; ours come last.
    @Test func theOtherDatasetsHaveColumnsInOrder() throws {
        for dataset in [FocusDataset.invoiceDetail, .billingPeriod] {
            let columns = try ReadTable(focus: [try invoice()], .v1_4, dataset).columns
            let official = columns.filter { !$0.hasPrefix("x_") }
            #expect(official == official.sorted() && Set(columns).count == columns.count)
            #expect(Array(columns.prefix(official.count)) == official)
        }
    }

    @Test(arguments: FocusVersion.allCases, FocusDataset.allCases)
    func anOlderVersionHasOneDataset(version: FocusVersion, dataset: FocusDataset) throws {
        guard version != .v1_4, dataset != .costAndUsage else {
            _ = try FocusFormat(version, dataset)
            return
        }
        let fault = try #require(throws: Fault.self) { try FocusFormat(version, dataset) }
        #expect(fault.kind == .wrongUse && fault.location == "--dataset \(dataset.rawValue)")
        #expect(fault.problem.contains(version.rawValue) && fault.suggestion.contains("1.4"))
    }

    /// An export without invoices is a header, so that an importer finds its columns.
    @Test(arguments: FocusDataset.allCases)
    func nothingIsAHeader(dataset: FocusDataset) throws {
        let table = try ReadTable(focus: [], .v1_4, dataset)
        #expect(table.rows.isEmpty && table.columns.contains("BillingPeriodStart"))
    }

    @Test func itIsATextOfSeveralInvoicesWithoutHours() throws {
        let format = try FocusFormat(.v1_3, .costAndUsage)
        #expect(!format.holdsOneInvoice && !format.showsHours)
        let two = [try invoice(), try invoice("OCT-000002")]
        #expect(
            try ReadTable(format, two).rows.map { $0["InvoiceId"] }
                == ["OCT-000001", "OCT-000001", "OCT-000002", "OCT-000002"])
    }

    /// The issuer stands in every column for a provider, whatever the version calls it.
    @Test(arguments: FocusVersion.allCases)
    func theSellerIsEveryProvider(version: FocusVersion) throws {
        var document = try invoice()
        let columns = [
            "InvoiceIssuerName", "ProviderName", "PublisherName", "ServiceProviderName",
            "HostProviderName",
        ].filter { focusColumns(version.rawValue)?.contains($0) == true }
        #expect(columns.count == (version == .v1_3 ? 5 : 3))
        for (seller, said) in [("H\u{F4}te S\u{E0}rl", "Hote Sarl"), ("N/A", "Octroi")] {
            document.invoice.parties.seller = Parties.Party(name: seller)
            for row in try ReadTable(focus: [document], version).rows {
                #expect(columns.allSatisfy { row[$0] == said }, "\(row)")
            }
        }
        document.invoice.parties.seller = nil
        let row = try #require(try ReadTable(focus: [document], version).rows.first)
        #expect(columns.allSatisfy { row[$0] == "Octroi" })
    }

    @Test func theTenantIsTheAccount() throws {
        var document = try invoice()
        func row() throws -> [String: String] {
            try #require(try ReadTable(focus: [document]).rows.first)
        }
        #expect(try row()["BillingAccountName"] == "acme")
        document.invoice.parties.buyer = Parties.Party(name: "Acm\u{E9}, Inc.")
        #expect(try row()["BillingAccountName"] == "Acme, Inc.")
        #expect(try row()["SubAccountName"] == "Acme, Inc.")
        #expect(try row()["BillingAccountId"] == "acme" && row()["SubAccountId"] == "acme")
        #expect(try row()["BillingAccountType"] == "Tenant")
        // A buyer whose name would be read as null is known by its id.
        document.invoice.parties.buyer = Parties.Party(name: "none")
        #expect(try row()["BillingAccountName"] == "acme")
    }

    @Test func invoiceDetailIdsCountTheLines() throws {
        let cost = try ReadTable(focus: [try invoice()], .v1_4).rows
        let detail = try ReadTable(focus: [try invoice()], .v1_4, .invoiceDetail).rows
        #expect(cost.map { $0["InvoiceDetailId"] } == ["OCT-000001/1", "OCT-000001/2"])
        #expect(detail.map { $0["InvoiceDetailId"] } == ["OCT-000001/1", "OCT-000001/2"])
        #expect(detail.map { $0["x_PricingUnit"] } == ["vCPU-Hours", ""])
        #expect(detail.map { $0["x_PricingQuantity"] } == ["1.5", ""])
        #expect(detail.map { $0["x_ListUnitPrice"] } == ["0.04", ""])
        #expect(
            detail[0]["InvoiceDetailGrain"] == """
                {"ResourceId":"/web","ResourceType":"Container",\
                "ServiceName":"Container Compute","SkuId":"cpu","SkuMeter":"cpu",\
                "SkuPriceId":"standard/cpu/1","SubAccountId":"acme",\
                "x_ChargePeriodStart":"2026-11-01T00:00:00Z"}
                """)
        #expect(
            detail[1]["InvoiceDetailGrain"] == """
                {"ServiceName":"Tax","SubAccountId":"acme",\
                "x_ChargePeriodStart":"2026-11-01T00:00:00Z"}
                """)
    }

    /// Times of issue have no fraction of a second, which FOCUS does not allow.
    @Test func timesAreWholeSeconds() throws {
        var document = try invoice()
        document.invoice.issued = Instant(milliseconds: 1_796_083_200_999)
        document.invoice.parties.terms = "Net 30\ndays"
        let detail = try ReadTable(focus: [document], .v1_4, .invoiceDetail).rows
        for column in ["InvoiceDetailCreated", "InvoiceDetailLastUpdated", "InvoiceIssueDate"] {
            #expect(detail.map { $0[column] } == ["2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z"])
        }
        #expect(detail[0]["PaymentTerms"] == "Net 30 days")
        #expect(detail[0]["ReferenceInvoiceId"] == "OCT-000001")
        document.invoice.parties.terms = nil
        let plain = try ReadTable(focus: [document], .v1_4, .invoiceDetail).rows
        #expect(plain[0]["PaymentTerms"] == "Due on receipt")
    }
}

@Suite struct FocusPeriodTests {
    private func document(
        _ number: String, _ month: String, issued: String, creditedEnd: String? = nil
    ) throws -> InvoiceDocument {
        let period = try Made.month(month)
        let draft = Draft(
            tenant: "acme", period: period, currency: try #require(Currency("EUR")), lines: [],
            segments: [])
        return InvoiceDocument(
            Invoice(
                number: number, draft: draft, issued: try #require(Instant(rfc3339: issued)),
                credits: creditedEnd.map { _ in "OCT-000001" }), in: .utc, segments: [],
            creditedEnd: try creditedEnd.map { try #require(Instant(rfc3339: $0)) })
    }

    private func rows(_ documents: InvoiceDocument...) throws -> [[String: String]] {
        try ReadTable(focus: documents, .v1_4, .billingPeriod).rows
    }

    /// Documents of one period share a row, and the rows are in the order of time.
    @Test func aPeriodIsOneRow() throws {
        let found = try rows(
            try document("OCT-000002", "2026-11", issued: "2026-12-03T10:00:00Z"),
            try document("OCT-000001", "2026-10", issued: "2026-11-02T10:00:00Z"),
            try document("OCT-000003", "2026-11", issued: "2026-12-01T10:00:00Z"))
        #expect(
            found.map { $0["BillingPeriodStart"] }
                == ["2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"])
        #expect(
            found.map { $0["BillingPeriodEnd"] }
                == ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"])
        #expect(
            found.map { $0["BillingPeriodLastUpdated"] }
                == ["2026-11-02T10:00:00Z", "2026-12-03T10:00:00Z"])
        #expect(found.map { $0["BillingPeriodStatus"] } == ["Closed", "Closed"])
        #expect(found.map { $0["BillingPeriodCreated"] } == found.map { $0["BillingPeriodStart"] })
    }

    /// A credit note leaves the period that it is billed in open, unless an invoice closes it.
    @Test(arguments: [false, true])
    func aNoteLeavesItsPeriodOpen(isInvoiced: Bool) throws {
        let note = try document(
            "OCT-CN-000001", "2026-10", issued: "2026-11-05T00:00:00Z",
            creditedEnd: "2026-11-01T00:00:00Z")
        let invoice = try document("OCT-000002", "2026-11", issued: "2026-12-01T00:00:00Z")
        let found = isInvoiced ? try rows(note, invoice) : try rows(note)
        #expect(found.map { $0["BillingPeriodStart"] } == ["2026-11-01T00:00:00Z"])
        #expect(found.map { $0["BillingPeriodStatus"] } == [isInvoiced ? "Closed" : "Open"])
    }

    /// What was issued before its period began was last updated when the period began.
    @Test func noPeriodIsUpdatedBeforeItIsCreated() throws {
        let early = try rows(try document("OCT-000001", "2026-11", issued: "2026-10-20T00:00:00Z"))
        #expect(early[0]["BillingPeriodLastUpdated"] == "2026-11-01T00:00:00Z")
    }
}
