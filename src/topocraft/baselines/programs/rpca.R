# Seurat's integration by reciprocal principal components, on plain files.
#
# Rscript rpca.R FOLDER SEED NPCS DIMS K_ANCHOR K_SCORE K_WEIGHT
#
# Reads from FOLDER: values.mtx (genes x cells, log-normalised), batch.txt (number of each cell's batch, one per line).
# Writes there: embedding.csv (cells x components, in the order of the cells, no header).

suppressPackageStartupMessages({
  library(Matrix)
  library(Seurat)
})
options(Seurat.object.assay.version = "v3", warn = 1)

TOO_FEW_ANCHORS <- "multiple of replacement length"
FEWEST_NEIGHBOURS <- 2
COMPONENTS <- 30

prepared <- function(values, seed, npcs) {
  object <- CreateSeuratObject(counts = values) # as without NormalizeData: `data` is then the same values
  object <- ScaleData(object, features = rownames(values), verbose = FALSE)
  RunPCA(object, features = rownames(values), npcs = npcs, seed.use = seed, verbose = FALSE)
}

# Seurat's neighbours that weigh an anchor must be fewer than the anchors' cells, whose number it does not tell.
integrated <- function(anchors, dims, k_weight) {
  tryCatch(
    IntegrateData(anchors, dims = seq_len(dims), k.weight = k_weight, verbose = FALSE),
    error = function(failure) {
      fewer <- k_weight %/% 2
      if (!grepl(TOO_FEW_ANCHORS, conditionMessage(failure)) || fewer < FEWEST_NEIGHBOURS) stop(failure)
      message("k.weight = ", k_weight, " is too large for the anchors found; going on with ", fewer, ".")
      integrated(anchors, dims, fewer)
    }
  )
}

main <- function(folder, seed, npcs, dims, k_anchor, k_score, k_weight) {
  values <- as(readMM(file.path(folder, "values.mtx")), "CsparseMatrix")
  dimnames(values) <- list(paste0("gene", seq_len(nrow(values))), paste0("cell", seq_len(ncol(values))))
  batch <- scan(file.path(folder, "batch.txt"), what = integer(), quiet = TRUE)
  set.seed(seed)
  batches <- lapply(split(colnames(values), batch), function(cells) prepared(values[, cells], seed, npcs))
  anchors <- FindIntegrationAnchors(
    batches, anchor.features = rownames(values), reduction = "rpca", dims = seq_len(dims),
    k.anchor = k_anchor, k.score = k_score, verbose = FALSE
  )
  joined <- ScaleData(integrated(anchors, dims, k_weight), verbose = FALSE)
  components <- min(COMPONENTS, dim(joined) - 1)
  joined <- RunPCA(joined, npcs = components, seed.use = seed, verbose = FALSE)
  embedding <- Embeddings(joined, "pca")[colnames(values), , drop = FALSE]
  write.table(embedding, file.path(folder, "embedding.csv"), sep = ",", row.names = FALSE, col.names = FALSE)
}

given <- commandArgs(trailingOnly = TRUE)
do.call(main, c(list(given[1]), as.list(as.integer(given[-1]))))
