"""Every score by its name: a title, which way is better, and what it means in a sentence."""

from __future__ import annotations

from typing import NamedTuple


class About(NamedTuple):
    """What people need to know to read a number."""

    title: str
    better: str | None
    meaning: str


MEASURES = {
    "retrieval_p1": About(
        "P@1", "higher", "share of sentences whose translation is nearest of all"
    ),
    "xsim_error": About("xsim error", "lower", "share of translations missed by ratio margin"),
    "mexa": About("MEXA", "higher", "share of translations nearest in both directions at once"),
    "cosine_matched": About("matched cosine", None, "mean cosine of translations"),
    "cosine_random": About("random cosine", "lower", "mean cosine of unrelated sentences"),
    "retrieval_p1_centred": About(
        "P@1, centred", "higher", "P@1 after each language's mean is subtracted"
    ),
    "language_probe_accuracy": About(
        "language probe", "lower", "accuracy of a linear probe that tells language from pivot"
    ),
    "isotropy": About("isotropy", "higher", "1 if the cloud of vectors looks alike from all sides"),
    "outlier_dimensions": About(
        "outlier dimensions", "lower", "dimensions whose mean is over 3 deviations off"
    ),
    "cka_linear": About("linear CKA", "higher", "likeness of the two clouds up to rotation"),
    "orthogonality_deviation": About(
        "deviation from a rotation", "lower", "how far a fitted linear map is from a turn; 0 is one"
    ),
    "pivot_cosine_to_teacher": About(
        "pivot cosine to teacher", "higher", "mean cosine of student and teacher on the pivot"
    ),
    "pivot_retrieval_p1": About(
        "pivot P@1 of teacher", "higher", "share of pivot sentences that find the teacher's vector"
    ),
    "tokens_per_sentence": About("tokens per sentence", "lower", "mean number of tokens"),
    "fertility": About("fertility", "lower", "tokens per word; words are split at white space"),
    "characters_per_token": About("characters per token", "higher", "characters over tokens"),
    "continued_share": About(
        "continued words", "lower", "share of words inside which a token begins"
    ),
    "premium": About("premium", "lower", "tokens over the pivot's for the same sentences"),
    "unknown_share": About("unknown tokens", "lower", "share of tokens that are unknown"),
    "byte_fallback_share": About(
        "parts of characters", "lower", "share of tokens that are bytes and no whole characters"
    ),
    "lost_share": About(
        "lost characters", "lower", "share of characters that become no token at all"
    ),
    "vocabulary_used": About("tokens used", None, "distinct tokens of the text"),
    "vocabulary_share": About(
        "vocabulary used", None, "distinct tokens of the text, of all there are"
    ),
    "over_window_share": About(
        "over the window", "lower", "share of texts longer than the model's window"
    ),
    "lexicon_p1": About("lexicon P@1", "higher", "share of words whose first candidate is right"),
    "lexicon_p5": About("lexicon P@5", "higher", "share of words with a right one among five"),
    "lexicon_p10": About("lexicon P@10", "higher", "share of words with a right one among ten"),
    "lexicon_mrr": About("lexicon MRR", "higher", "mean of 1 / rank of the first right word"),
    "alignment_aer": About("AER", "lower", "1 - (sure links found + possible found) / all"),
    "alignment_sentence_aer": About(
        "AER of a sentence", "lower", "mean over sentences of their AER"
    ),
    "alignment_precision": About("link precision", "higher", "share of links that gold allows"),
    "alignment_recall": About("link recall", "higher", "share of sure gold links that are found"),
    "alignment_f1": About("link F1", "higher", "harmonic mean of link precision and recall"),
    "null_precision": About("null precision", "higher", "share of words left alone that should be"),
    "null_recall": About("null recall", "higher", "share of words to be left alone that are"),
    "null_f1": About("null F1", "higher", "harmonic mean of null precision and recall"),
    "language_similarity": About(
        "language similarity", None, "mean cosine of two languages' parallel sentences"
    ),
    "strong_alignment_map": About(
        "mAP, all languages", "higher", "do translations lead a pool of all languages"
    ),
    "weak_alignment_map": About(
        "mAP, one language", "higher", "do translations lead the pool of their own language"
    ),
    "language_bias": About(
        "language bias", "lower", "share of the query's own language among the nearest"
    ),
    "concept_alignment": About(
        "concept alignment", "higher", "share of concepts whose words translate into one concept"
    ),
    "concept_overlap": About(
        "concept overlap", "higher", "share of concepts that all languages have a part in"
    ),
    "word_retrieval_p1": About(
        "word retrieval", "higher", "share of words in context that find their translation there"
    ),
    "xsimpp_error": About(
        "xsim++ error", "lower", "share of translations missed among hard negatives too"
    ),
    "xsimpp_lost_to": About(
        "xsim++ lost to", "lower", "share of translations missed for one kind of negative"
    ),
    "script_matched": About(
        "matched cosine by script", None, "mean cosine of translations, original or transliterated"
    ),
    "script_random": About(
        "random cosine by script", "lower", "mean cosine of random pairs in the same script"
    ),
    "script_contrast": About(
        "contrast by script", "higher", "matched less random cosine, and its change"
    ),
    "script_retrieval_p1": About(
        "own transliteration", "higher", "share of texts that find themselves in Latin letters"
    ),
    "alignment_score": About(
        "links' score", None, "mean over words of their best link, 0 for those of none"
    ),
    "alignment_null_share": About("unlinked words", None, "share of words that have no link"),
    "meaning_shift": About(
        "shift of meaning", None, "mean of 1 - cosine of a word's two vectors over shared words"
    ),
    "planted_shift": About(
        "planted shift found", "higher", "share of other words that shifted less than a planted one"
    ),
    "matching_p1": About(
        "matching P@1", "higher", "share of sentences matched with their own in another encoder"
    ),
    "qe_precision": About(
        "QE precision", "higher", "mean best cosine of a translation's tokens with the source's"
    ),
    "qe_recall": About(
        "QE recall", "higher", "mean best cosine of the source's tokens with the translation's"
    ),
    "qe_f1": About("QE F1", "higher", "cross-lingual BERTScore of source and translation"),
    "qe_score": About("QE score", "higher", "BERTScore with the generation score added"),
    "average_log_probability": About(
        "ALP", "higher", "mean over texts of the summed log shares of their tokens (VoCap)"
    ),
    "masked_loss": About(
        "loss of hidden tokens", "lower", "mean -log p of hidden tokens, of rows not trained on"
    ),
    "transfer_gap": About(
        "transfer gap", "lower", "score in the source language less that in the target"
    ),
    "translation_gap": About(
        "gap to machine translation",
        None,
        "what a model does better on a machine's version of a test than on people's",
    ),
    "planted_gap": About(
        "the same with planted errors",
        None,
        "the gap where a share of people's translations were exchanged, as a control",
    ),
    "overlap_change": About(
        "change of shared words",
        None,
        "by how much both texts of an example share more words in a machine's version",
    ),
    "label_accuracy": About("accuracy of labels", "higher", "share of texts whose label is told"),
    "vocabulary_size": About("vocabulary size", None, "tokens that the vocabulary has"),
    "weight_bytes": About("bytes of weights", "lower", "size of the model's safetensors files"),
    "same_states": About(
        "same states", "higher", "share of texts cut as before with the very same hidden states"
    ),
    "cosine_to_merged": About(
        "cosine to the merged",
        None,
        "mean cosine of a model's vectors of words to the merged one's",
    ),
    "cosine_to_grown": About(
        "cosine to the grown",
        None,
        "mean cosine of a model's vectors of words to the beginnings of those of the grown one",
    ),
    "token_divergence": About(
        "token divergence", "higher", "KL divergence of two languages' token shares, both ways"
    ),
    "size_curve_error": About(
        "size curve's error", "lower", "how far token counts are from the curve, on sizes left out"
    ),
    "accuracy": About("accuracy", "higher", "share of examples whose answer is right"),
    "macro_f1": About(
        "macro F1", "higher", "F1 of each label, averaged so that rare labels count as much"
    ),
    "micro_f1": About("micro F1", "higher", "F1 of all labels told, of all examples together"),
    "exact": About("exact", "higher", "share of examples in which all of the answer is right"),
    "f1": About(
        "F1",
        "higher",
        "precision and recall in one: of entities with kind and both ends, or of answers' words",
    ),
    "precision": About("precision", "higher", "share of the entities told that are right"),
    "recall": About("recall", "higher", "share of the entities there are that are told right"),
    "word_accuracy": About("word accuracy", "higher", "share of words whose tag is right"),
    "intent_accuracy": About(
        "intent accuracy", "higher", "share of requests whose intent is right"
    ),
    "slot_f1": About("slot F1", "higher", "F1 of slots, right in kind and at both ends"),
    "las": About("LAS", "higher", "share of words with the right head and relation"),
    "uas": About("UAS", "higher", "share of words with the right head"),
    "upos": About("UPOS", "higher", "share of words with the right part of speech"),
    "ufeats": About("features", "higher", "share of words with all their features right"),
    "clas": About("CLAS", "higher", "LAS of words that mean something by themselves"),
    "mlas": About(
        "MLAS", "higher", "CLAS where tags, features and function words must be right too"
    ),
    "ndcg@10": About(
        "nDCG@10", "higher", "how near the first 10 places are to the best order; early ones count"
    ),
    "recall@100": About("recall@100", "higher", "share of what is relevant among the first 100"),
    "mrr@10": About("MRR@10", "higher", "mean of 1 / place of the first relevant one, 0 after 10"),
    "precision@1": About("P@1", "higher", "share of queries whose first place is relevant"),
    "spearman": About(
        "Spearman", "higher", "rank correlation of told likeness and people's; 1 is the same order"
    ),
    "pearson": About(
        "Pearson", "higher", "linear correlation of told likeness and people's; 1 is a line"
    ),
    "v_measure": About(
        "V-measure", "higher", "homogeneity and completeness in one; 1 is the people's groups"
    ),
    "homogeneity": About("homogeneity", "higher", "whether each cluster has texts of one label"),
    "completeness": About(
        "completeness", "higher", "whether texts of one label are in one cluster"
    ),
    "chrf": About(
        "chrF++", "higher", "runs of letters and words shared with a person's translation, of 100"
    ),
    "bleu": About("BLEU", "higher", "runs of words shared with a person's translation, of 100"),
    "on_target": About(
        "on target", "higher", "share of translations that are in the language asked for"
    ),
}
