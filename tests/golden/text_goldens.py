#!/usr/bin/env python3
"""Small tokenizers of each kind, and what Hugging Face's tokenizers 0.23 makes of difficult strings.

Writes tests/golden/text: NAME.json, a tokenizer; strings.json.gz, the strings; NAME.expected.json.gz, for each
string its ids, which of these are there without special tokens, and both ways of decoding them, null where
that gives the string; trained.json, what is learnt from all strings; splits.json.gz, pre-tokenizers with what
they make of some texts. Tokenizers that are there are kept: what they are trained on, the project's
documentation, changes.

    python3 tests/golden/text_goldens.py
"""
import gzip
import json
import pathlib
import random
import unicodedata

from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = pathlib.Path(__file__).resolve().parent / "text"

LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
         r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")

SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x180E, 0x2000, 0x2003, 0x2009, 0x200A, 0x200B,
                           0x2028, 0x2029, 0x202F, 0x205F, 0x2060, 0x3000, 0xFEFF, 0x1C, 0x1D, 0x1E, 0x1F)]
SAMPLES = [
    "", " ", "  ", "\n", "\r\n", "\t\t", "a", "Hello, world!", "hello  world   !", " leading", "trailing ", "\nHello\n\n\nthere\r\n",
    "It's we'll I'd they've you're I'm DON'T CAN'T 'S 'LL ſ'ſ", "naïve café résumé Ångström ÅNGSTRÖM", "cafe\u0301 na\u0308ive",
    "ＦＵＬＬ ｗｉｄｔｈ １２３", "ﬁ ﬂ ﬀ Ⅷ ² ½ ㎏ ™ …", "İstanbul I ı i̇ ß ẞ ΣΑΣ ς", "ǅ ǈ ǋ ǲ", "深度学习很有趣。我们去北京！", "日本語のテキスト、カタカナとひらがな。",
    "한국어 문장입니다. 각 각 \u1100\u1161\u11a8", "مرحبا بالعالم، كيف حالك؟ ١٢٣", "שָׁלוֹם עוֹלָם", "हिन्दी में वाक्य क्षत्रिय", "ภาษาไทยไม่มีช่องว่าง", "Привет, мир! ЁЖ ёж",
    "Ελληνικά γλώσσα ΟΔΥΣΣΕΥΣ", "tiếng Việt có dấu", "Türkçe ğüşiöç ĞÜŞİÖÇ", "👍 👍🏽 👨‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 ❤️ ☎︎ 1️⃣", "a👍b🏽c", "\U0001F600\U0001F601",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚 𐍈 𒀀 𓀀 \U00020000\U0002A6D6 \U000E0001 \U0010FFFF \U000F0000", "\x00\x01\x02 \x7f \x80\x9f", "a\x00b", "zero\u200bwidth\u200cjoin\u200der \u2060 \ufeff",
    "\ufffd \ufffe \uffff", "e\u0301\u0301\u0301\u0327\u0323", "q\u0323\u0307 q\u0307\u0323 \u0307", "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "x = foo(bar[3], **kwargs)  # comment\n\tif x:\n\t\treturn -1",
    "{\"key\": [1, 2.5e-10, null]}", "<html><body class='a'>&nbsp;</body></html>", "https://example.com/a?b=c&d=%20#frag user@host.org", "C:\\path\\to\\file",
    "1234567890 12 345 6789 0.5 1,000,000 ٣٤٥ ௧௨ ²³ ①② Ⅳ", "1 000 000", "---- ==== ____ ....", "!!!???", "a-b_c.d", "don't", "rock 'n' roll ' quoted '", "``quoted''",
    "<s>", "</s>", "<s>text</s>", "text<s> more", "[CLS] a [SEP]", "[MASK]", "the [MASK] sat", "the[MASK]sat", "a <mask> b", "a  <mask>  b<mask>", "<|endoftext|>", "a<|endoftext|>b", "<|im_start|>user\nhi<|im_end|>",
    "special special2 specialist", "<norm> <NORM> <Norm>", "ADDED added xaddedx added.", "<|end", "<unk> <unk>", "[unk]", "[UNK]", "▁ ▁▁ a▁b", "Ġ ĠĠ Ċ", "##ing ing ##", "<0x41> <0x0A>", "</w> a</w>",
    "a" * 99, "a" * 100, "a" * 101, "é" * 100, "é" * 101, "a" * 3000, "ab" * 1500, " " * 500, "\n" * 300, "1" * 300, "!" * 300, "深" * 200, "👍" * 100, "a " * 500, "\u0301" * 50,
    "the quick brown fox jumps over the lazy dog " * 5, "Supercalifragilisticexpialidocious", "antidisestablishmentarianism's", "WORD Word wORD wOrD", "camelCaseIdentifier snake_case_identifier SCREAMING_CASE",
    "ASCII£¢¥€", "…‥․", "–—―‘’“”„", "«guillemets» ‹›", "¿Qué? ¡Sí!", "±×÷√∞≈≠", "ªº", "A\u030a \u212b \u00c5", "\u1e9b\u0323", "\u0130\u0131", "\u01c4\u01c5\u01c6", "ͅ ΐ ΰ", "가각힣", "ᄀᄀᄀ각ᆨᆨ", "\u3099か\u3099", "ｶﾞ",
    "\u0344\u0340\u0341\u0343\u2126\u212a", "\uf900\ufa30 \U0002f800", "\u0958\u09dc\u0a33", "\u2adc", "\U0001d15e\U0001d1bb",
]
# Tables of Hugging Face's BERT stages are older than these (docs/text.md).
NEW = "\u061d"
WORDS = ("the of and to in is it that was for on are with they be at one have this from by hot word but what some we can out other "
         "were all there when up use your how said an each she which do their time if will way about many then them write would like so these "
         "her long make thing see him two has look more day could go come did number sound no most people my over know water than call "
         "first who may down side been now find running runner unbelievable tokenization encoder embeddings").split()


def strings():
    draw = random.Random(7)
    result = list(SAMPLES)
    for space in SPACES:
        result += ["a" + space + "b", space + "a", "a" + space, space * 3, " " + space + " x", "x" + space + "\n" + space + "y"]
    blocks = [(0x20, 0x7E), (0xA0, 0x24F), (0x250, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x5F4), (0x600, 0x6FF), (0x900, 0x97F),
              (0xE01, 0xE5B), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x206F), (0x2070, 0x209C), (0x20A0, 0x20BF), (0x2100, 0x218B),
              (0x2190, 0x23FF), (0x2460, 0x24FF), (0x2600, 0x27BF), (0x3000, 0x30FF), (0x4E00, 0x9FCC), (0xA000, 0xA48C), (0xAC00, 0xD7A3),
              (0xF900, 0xFAD9), (0xFB00, 0xFDFF), (0xFE20, 0xFFEE), (0x10000, 0x100FA), (0x10300, 0x1034A), (0x12000, 0x12399), (0x1D400, 0x1D7FF),
              (0x1F300, 0x1F6D2), (0x20000, 0x2A6D6), (0x2A700, 0x2B734), (0xE0020, 0xE007F), (0xF0000, 0xF00FF)]
    special = ["<s>", "</s>", "[MASK]", "<mask>", "<|endoftext|>", "<norm>", "added", "special"]

    def assigned(low, high):

        while True:
            c = chr(draw.randint(low, high))
            if unicodedata.category(c) != "Cn" and c not in NEW:
                return c

    for low, high in blocks:
        for size in (3, 8, 20):
            result.append("".join(assigned(low, high) for _ in range(size)))
            result.append(" ".join("".join(assigned(low, high) for _ in range(draw.randint(1, 4))) for _ in range(size // 2)))
    while len(result) < 1100:
        parts = []
        for _ in range(draw.randint(1, 12)):
            kind = draw.random()
            if kind < 0.45:
                word = draw.choice(WORDS)
                parts.append(draw.choice([word, word.capitalize(), word.upper(), word + draw.choice(WORDS)]))
            elif kind < 0.6:
                parts.append("".join(assigned(*draw.choice(blocks)) for _ in range(draw.randint(1, 5))))
            elif kind < 0.7:
                parts.append(draw.choice(special))
            elif kind < 0.8:
                parts.append(str(draw.randint(0, 10 ** draw.randint(1, 9))))
            elif kind < 0.9:
                parts.append(draw.choice(SAMPLES)[:20])
            else:
                parts.append("".join(draw.choice("!?.,;:'\"()[]{}<>@#$%^&*-_=+/\\|~`") for _ in range(draw.randint(1, 4))))
        result.append(draw.choice(["", " ", " ", "  ", "\n"]).join(parts) if draw.random() < 0.7 else
                      "".join(p + draw.choice(SPACES) for p in parts))
    return result


def corpus():
    texts = [path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))]
    return [line for text in texts + ["\n".join(SAMPLES)] * 3 for line in text.split("\n") if len(line) < 200]


def added(tokenizer, *more):
    tokenizer.add_tokens([AddedToken("added", single_word=True, normalized=False), AddedToken("<norm>", normalized=True),
                          AddedToken("special", normalized=False), AddedToken("special2", normalized=False)])
    tokenizer.add_special_tokens([AddedToken("<mask>", lstrip=True, rstrip=True, normalized=False), *more])


def byte_level(pattern=None, size=700, **bpe):
    tokenizer = Tokenizer(models.BPE(**bpe))
    steps = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=pattern is None)
    if pattern:
        steps = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), steps])
    tokenizer.pre_tokenizer = steps
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(
        vocab_size=size, special_tokens=["<|endoftext|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def gpt2():
    tokenizer = byte_level()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def roberta():
    tokenizer = byte_level(size=500)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")))
    added(tokenizer)
    return tokenizer


def llama3():
    tokenizer = byte_level(LLAMA3)
    tokenizer.add_special_tokens(["<s>", "<|im_start|>", "<|im_end|>"])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])])
    added(tokenizer)
    data = json.loads(tokenizer.to_str())
    data["model"]["ignore_merges"] = True
    # Whole words that no merge makes.
    for word in ("Ġembeddings", "Ġkwargs", "Hello"):
        data["model"]["vocab"].setdefault(word, 1000 + len(data["model"]["vocab"]))
    return Tokenizer.from_str(json.dumps(data))


def qwen2():
    tokenizer = byte_level(QWEN2)
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    added(tokenizer)
    return tokenizer


def o200k():
    return byte_level(O200K, size=450)


def sentencepiece_bpe(size=500, pre=None, normalizer=None):
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre
    byte_tokens = [f"<0x{b:02X}>" for b in range(256)]
    tokenizer.train_from_iterator([line for line in corpus() if line.isascii()], trainers.BpeTrainer(
        vocab_size=size + 259, special_tokens=["<unk>", "<s>", "</s>"] + byte_tokens, show_progress=False))
    data = json.loads(tokenizer.to_str())
    data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] not in byte_tokens]
    data["model"].update(fuse_unk=True, byte_fallback=True)
    return Tokenizer.from_str(json.dumps(data))


def llama2():
    tokenizer = sentencepiece_bpe(normalizer=normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    added(tokenizer)
    return tokenizer


def mistral():
    tokenizer = sentencepiece_bpe(pre=pre_tokenizers.Metaspace("▁", "first", False))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair=None, special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    added(tokenizer)
    return tokenizer


def gemma():
    tokenizer = sentencepiece_bpe(normalizer=normalizers.Replace(" ", "▁"), pre=pre_tokenizers.Split(" ", "merged_with_previous"))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_tokens([AddedToken(" " * n, normalized=False) for n in (2, 3, 4)] + [AddedToken("\n" * n, normalized=False) for n in (1, 2, 3)])
    added(tokenizer)
    return tokenizer


def bert(lowercase=True, strip_accents=None, chinese=True):
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip_accents, handle_chinese_chars=chinese)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(corpus(), trainers.WordPieceTrainer(
        vocab_size=900, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
                                                            special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def bert_cased():
    tokenizer = bert(lowercase=False, chinese=False)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.decoder = decoders.WordPiece("##", False)
    added(tokenizer)
    return tokenizer


def subword():
    """continuing_subword_prefix, no byte fallback, unknown characters not fused."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", continuing_subword_prefix="##", fuse_unk=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), pre_tokenizers.Digits(True)])
    tokenizer.train_from_iterator([line for line in corpus() if line.isascii()], trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>"], continuing_subword_prefix="##", show_progress=False))
    tokenizer.decoder = decoders.WordPiece()
    added(tokenizer)
    return tokenizer


def clip():
    """end_of_word_suffix, unknown characters fused."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("contiguous"),
                                                       pre_tokenizers.Digits(False)])
    tokenizer.train_from_iterator([line for line in corpus() if line.isascii()], trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], end_of_word_suffix="</w>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", pair=None, special_tokens=[("<s>", 1), ("</s>", 2)])
    tokenizer.decoder = decoders.BPEDecoder("</w>")
    return tokenizer


def metaspace():
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.NFD()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(corpus(), trainers.BpeTrainer(vocab_size=600, limit_alphabet=200, special_tokens=["<unk>"], show_progress=False))
    tokenizer.decoder = decoders.Metaspace()
    added(tokenizer)
    return tokenizer


def words():
    """WordLevel, and no decoder."""
    tokenizer = Tokenizer(models.WordLevel(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s,.]+"), "merged_with_next")
    tokenizer.train_from_iterator(corpus(), trainers.WordLevelTrainer(vocab_size=300, special_tokens=["<unk>"], show_progress=False))
    return tokenizer


TOKENIZERS = [gpt2, roberta, llama3, qwen2, o200k, llama2, mistral, gemma, bert, bert_cased, subword, clip, metaspace, words]

SPLITS = [(pattern, behavior, invert) for pattern in (Regex(r"\s+"), Regex(r"\w+"), Regex(r"\d|-"), Regex(r"(?=b)|[\u0041-Z]"), " ", "ab", Regex(r"\b"), Regex(r"[^\S\n]+"))
          for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous") for invert in (False, True)]
SPLIT_TEXTS = ["a b", "  ab  abab -- 12 -3", "Ab\u0301c \u180e\u2003x\u200dy", "bbb", " ", "a\nb \n c", "日本 語"]


def trained(text):
    """What BpeTrainer learns from one text."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator([text], trainers.BpeTrainer(
        vocab_size=600, min_frequency=2, special_tokens=["<|endoftext|>", "<pad>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tokenizer


def write(name, text):
    with open(OUT / name, "wb") as raw, gzip.GzipFile("", "wb", mtime=0, fileobj=raw) as file:
        file.write(text.encode())


def main():
    OUT.mkdir(exist_ok=True)
    texts = strings()
    write("strings.json.gz", json.dumps(texts))
    for make in TOKENIZERS:
        path = OUT / f"{make.__name__}.json"
        if not path.exists():
            make().save(str(path), pretty=False)
        tokenizer = Tokenizer.from_file(str(path))
        rows = []
        for text in texts:
            ids = tokenizer.encode(text).ids
            plain = tokenizer.encode(text, add_special_tokens=False).ids
            begin, end = next((i, i + len(plain)) for i in range(len(ids) + 1) if ids[i:i + len(plain)] == plain)
            decoded = [tokenizer.decode(ids), tokenizer.decode(ids, skip_special_tokens=False)]
            rows.append([ids, begin, end] + [None if each == text else each for each in decoded])
        write(f"{make.__name__}.expected.json.gz", json.dumps(rows, separators=(",", ":")))
    trained("\n".join(texts)).save(str(OUT / "trained.json"), pretty=False)
    rows = []
    for pattern, behavior, invert in SPLITS:
        split = pre_tokenizers.Split(pattern, behavior, invert)
        rows.append([json.loads(split.__getstate__()), [[part for part, _ in split.pre_tokenize_str(text)] for text in SPLIT_TEXTS]])
    write("splits.json.gz", json.dumps([SPLIT_TEXTS, rows]))


if __name__ == "__main__":
    main()
