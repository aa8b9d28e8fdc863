// Owns the screen: the photo with its boxes, the table of counts, the ways to a photo, and what waits for the server.

import PhotosUI
import ShelfScan
import SwiftUI

struct ShelfView: View {
    @ObservedObject var shelf: ShelfModel
    @State private var picked: PhotosPickerItem?
    @State private var isTakingPhoto = false
    @State private var chosen: ChosenFacing?

    /// A facing that was tapped.
    struct ChosenFacing: Identifiable {
        let id: Int
    }

    var body: some View {
        NavigationStack {
            VStack(spacing: 0) {
                if let scanned = shelf.shelf {
                    FacingsView(scanned: scanned) { chosen = ChosenFacing(id: $0) }
                    CountsTable(rows: scanned.counts(named: shelf.name))
                } else {
                    Text("Take or choose a photo of a shelf.").foregroundStyle(.secondary).frame(maxHeight: .infinity)
                }
            }
            .overlay { if shelf.isScanning { ScanningView(cancel: shelf.cancel) } }
            .navigationTitle("Shelf")
            .navigationBarTitleDisplayMode(.inline)
            .toolbar {
                ToolbarItemGroup(placement: .bottomBar) {
                    PhotosPicker(selection: $picked, matching: .images) { Label("Choose", systemImage: "photo") }
                    Spacer()
                    if let status = shelf.queueStatus { QueueButton(status: status, isSyncing: shelf.isSyncing, sync: shelf.sync) }
                    Spacer()
                    Button { isTakingPhoto = true } label: { Label("Take", systemImage: "camera") }
                        .disabled(!CameraPicker.isAvailable)
                }
            }
            .alert("Look here", isPresented: hasProblem) {
                Button("OK") { shelf.problem = nil }
            } message: {
                Text(shelf.problem ?? "")
            }
        }
        .onChange(of: picked) { item in
            Task {
                guard let data = try? await item?.loadTransferable(type: Data.self), let image = UIImage(data: data) else { return }
                shelf.scan(image)
            }
        }
        .fullScreenCover(isPresented: $isTakingPhoto) {
            CameraPicker { image in
                isTakingPhoto = false
                if let image { shelf.scan(image) }
            }
            .ignoresSafeArea()
        }
        .sheet(item: $chosen) { facing in
            CorrectionView(shelf: shelf, facing: facing.id) { chosen = nil }
        }
    }

    private var hasProblem: Binding<Bool> {
        Binding(get: { shelf.problem != nil }, set: { if !$0 { shelf.problem = nil } })
    }
}

/// The photo, with a box around each facing; a tap chooses one.
private struct FacingsView: View {
    let scanned: ShelfModel.Shelf
    let choose: (Int) -> Void

    var body: some View {
        GeometryReader { geometry in
            let mapping = OverlayMapping(of: scanned.result, viewSize: geometry.size)
            Image(uiImage: scanned.image)
                .resizable()
                .scaledToFit()
                .frame(width: geometry.size.width, height: geometry.size.height)
                .overlay {
                    Canvas { context, _ in
                        for (index, facing) in scanned.result.facings.enumerated() {
                            let sku = scanned.sku(of: index)
                            let rect = mapping.rect(for: facing.rect)
                            context.stroke(Path(rect), with: .color(sku == nil ? .orange : .green), lineWidth: 1.5)
                            let label = Text(sku ?? "?").font(.system(size: 8)).bold()
                            context.draw(label, in: rect.insetBy(dx: 2, dy: 2))
                        }
                    }
                }
                .onTapGesture(coordinateSpace: .local) { point in
                    if let index = mapping.index(of: scanned.result.facings, at: point) { choose(index) }
                }
                .accessibilityLabel("\(scanned.result.facings.count) facings")
        }
        .background(.black)
    }
}

private struct CountsTable: View {
    let rows: [ShelfModel.Row]

    var body: some View {
        List(rows) { row in
            HStack {
                Text(row.name)
                Spacer()
                Text("\(row.count)").monospacedDigit()
            }
            .foregroundStyle(row.id.isEmpty ? .secondary : .primary)
        }
        .listStyle(.plain)
    }
}

/// What a facing may be, the likeliest first.
private struct CorrectionView: View {
    @ObservedObject var shelf: ShelfModel
    let facing: Int
    let done: () -> Void
    @State private var newName = ""

    var body: some View {
        NavigationStack {
            List {
                Section("Most like it") {
                    ForEach(candidates, id: \.sku) { candidate in
                        Button("\(shelf.name(of: candidate.sku)) (\(candidate.similarity, specifier: "%.2f"))") { take(.sku(id: candidate.sku)) }
                    }
                }
                Section("All") {
                    ForEach(shelf.skus, id: \.id) { sku in
                        Button(sku.name) { take(.sku(id: sku.id)) }
                    }
                }
                Section("None of them") {
                    TextField("Name of the new product", text: $newName)
                        .onSubmit { if !newName.isEmpty { take(.newSku(name: newName, container: nil, barcode: nil)) } }
                    Button("Not a product", role: .destructive) { take(.notAProduct) }
                }
            }
            .navigationTitle("What is it?")
            .toolbar { ToolbarItem(placement: .cancellationAction) { Button("Cancel", action: done) } }
        }
        .presentationDetents([.medium, .large])
    }

    private var candidates: [Candidate] {
        shelf.shelf?.result.facings[facing].candidates ?? []
    }

    private func take(_ correction: FacingCorrection) {
        shelf.correct(facing, to: correction)
        done()
    }
}

/// What waits, and "sync now".
private struct QueueButton: View {
    let status: QueueStatus
    let isSyncing: Bool
    let sync: () -> Void

    var body: some View {
        Button(action: sync) {
            VStack {
                Text(isSyncing ? "Syncing…" : "Sync now").font(.footnote).bold()
                Text(state).font(.caption2)
            }
        }
        .disabled(isSyncing || status.waiting == 0)
    }

    private var state: String {
        if status.tokenRejected { return "sign in again" }
        if status.refused > 0 { return "\(status.waiting) waiting, \(status.refused) refused" }
        return status.waiting == 0 ? "all sent" : "\(status.waiting) waiting"
    }
}

private struct ScanningView: View {
    let cancel: () -> Void

    var body: some View {
        VStack(spacing: 12) {
            ProgressView()
            Button("Cancel", action: cancel)
        }
        .padding(24)
        .background(.regularMaterial, in: RoundedRectangle(cornerRadius: 12))
    }
}
