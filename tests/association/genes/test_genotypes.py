"""Reading genotypes: every format gives the same numbers, and damaged files are refused in one line."""

import gzip

import numpy as np
import pandas as pd
import pytest
from genotype_files import make_counts, make_variants, write_bed

from facies.association.genes.genotypes import open_genotypes, plain_chromosome
from facies.errors import InputError

N, M = 41, 30
IDS = [f"p{i:02d}" for i in range(N)]


@pytest.fixture(scope="module")
def truth():
    return make_counts(N, M), make_variants(M)


@pytest.fixture
def bed(tmp_path, truth):
    return write_bed(tmp_path / "g.bed", *truth, IDS, fids=[f"f{i}" for i in range(N)])


@pytest.fixture
def pgen(tmp_path, bed, plink2):
    plink2("--bed", bed, "--bim", bed.with_suffix(".bim"), "--fam", bed.with_suffix(".fam"), "--make-pgen", "--out", tmp_path / "g")
    return tmp_path / "g.pgen"


@pytest.fixture
def vcf(tmp_path, pgen, plink2):
    plink2("--pfile", tmp_path / "g", "--export", "vcf", "bgz", "id-paste=iid", "--out", tmp_path / "v")
    return tmp_path / "v.vcf.gz"


def by_allele(genotypes, variants, **asked):
    """Counts of the alleles that ``variants`` name, whichever allele the file counts."""
    counts = genotypes.read(0, len(genotypes.variants), **asked)
    swapped = (genotypes.variants.effect_allele != variants.effect_allele).to_numpy()
    assert (genotypes.variants.effect_allele[swapped] == variants.other_allele[swapped]).all()
    counts[:, swapped] = 2 - counts[:, swapped]
    return counts


def test_open_genotypes__bed_gives_counts_of_the_first_allele_of_the_bim(bed, truth):
    counts, variants = truth
    with open_genotypes(bed) as genotypes:
        assert genotypes.sample_ids == tuple(IDS)
        assert genotypes.hard_calls
        pd.testing.assert_frame_equal(genotypes.variants, variants)
        block = genotypes.read(0, M)
        np.testing.assert_array_equal(block, counts)
        assert block.flags.f_contiguous
        assert block.dtype == np.float64


@pytest.mark.parametrize("kind", ["bed", "pgen", "vcf"])
def test_open_genotypes__every_format_gives_the_same_counts(kind, truth, request):
    counts, variants = truth
    with open_genotypes(request.getfixturevalue(kind)) as genotypes:
        assert genotypes.sample_ids == tuple(IDS)
        np.testing.assert_array_equal(by_allele(genotypes, variants), counts)
        assert genotypes.variants.position.tolist() == variants.position.tolist()
        assert genotypes.variants.chromosome.map(plain_chromosome).tolist() == variants.chromosome.tolist()


@pytest.mark.parametrize("kind", ["bed", "pgen", "vcf"])
def test_read__blocks_in_any_order_and_people_in_any_order(kind, truth, request):
    with open_genotypes(request.getfixturevalue(kind)) as genotypes:
        whole = genotypes.read(0, M)
        for start, stop in ((20, 30), (0, 7), (7, 20), (5, 5)):
            np.testing.assert_array_equal(genotypes.read(start, stop), whole[:, start:stop])
        people = np.array([5, 0, 40, 5])
        block = genotypes.read(3, 9, people)
        np.testing.assert_array_equal(block, whole[people, 3:9])
        assert block.flags.f_contiguous
        np.testing.assert_array_equal(genotypes.read(0, M), whole)
        with pytest.raises(InputError, match="choose within 0 to 30"):
            genotypes.read(0, 31)


def test_open_genotypes__fid_iid_joins_both_names(bed):
    with open_genotypes(bed, sample_id="fid_iid") as genotypes:
        assert genotypes.sample_ids[3] == "f3_p03"


def test_open_genotypes__pvar_may_be_compressed(pgen, truth, plink2, tmp_path):
    plink2("--pfile", tmp_path / "g", "--make-pgen", "vzs", "--out", tmp_path / "z")
    with open_genotypes(tmp_path / "z.pgen") as packed, open_genotypes(pgen) as plain:
        pd.testing.assert_frame_equal(packed.variants, plain.variants)
        np.testing.assert_array_equal(packed.read(0, M), plain.read(0, M))


def test_pgen__dosages_are_kept(tmp_path):
    pgenlib = pytest.importorskip("pgenlib")
    dosages = np.array([[0.0, 1.25, 2.0, -9.0, 0.5], [2.0, 2.0, 1.0, 0.0, 0.0]])
    with pgenlib.PgenWriter(str(tmp_path / "d.pgen").encode(), 5, variant_ct=2, nonref_flags=False, dosage_present=True) as writer:
        for row in dosages:
            writer.append_dosages(row)
    (tmp_path / "d.pvar").write_text("##source=facies\n#CHROM\tPOS\tID\tREF\tALT\n1\t5\trs1\tG\tA\n1\t9\trs2\tC\tT\n")
    (tmp_path / "d.psam").write_text("#IID\tSEX\n" + "".join(f"q{i}\t{i % 2 + 1}\n" for i in range(5)))
    with open_genotypes(tmp_path / "d.pgen") as genotypes:
        np.testing.assert_allclose(genotypes.read(0, 2).T, np.where(dosages < 0, np.nan, dosages), atol=1e-4)
        assert genotypes.samples.sex.tolist() == ["1", "2", "1", "2", "1"]
        assert genotypes.samples.fid.isna().all()


VCF_HEADER = (
    "##fileformat=VCFv4.2\n"
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n'
    "{more}##contig=<ID=16>\n##contig=<ID=X>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1\ts2\ts3\ts4\n"
)
DS = '##FORMAT=<ID=DS,Number=A,Type=Float,Description="dosage">\n'


def write_vcf(path, rows, more=""):
    path.write_text(VCF_HEADER.format(more=more) + "".join("\t".join(row) + "\n" for row in rows))
    return path


def test_vcf__alternatives_are_split_and_half_calls_are_missing(tmp_path):
    path = write_vcf(
        tmp_path / "a.vcf",
        [
            ("16", "100", "rs1", "C", "T", ".", ".", ".", "GT", "0/1", "1|1", "./.", "0/."),
            ("16", "200", ".", "G", "A,C", ".", ".", ".", "GT", "0/1", "1/2", "2/2", "0/0"),
            ("X", "300", "rs3", "G", "C", ".", ".", ".", "GT", "0", "1", "0/1", "."),
            ("16", "400", "rs4", "G", "C", ".", ".", ".", "GT", "0", "1", "0/1", "."),
            ("16", "500", "rs5", "G", ".", ".", ".", ".", "GT", "0/0", "0/0", "0/0", "./."),
        ],
    )
    nan = np.nan
    with open_genotypes(path) as genotypes:
        assert genotypes.variants.variant_id.tolist() == ["rs1", "16:200:G:A", "16:200:G:C", "rs3", "rs4", "rs5"]
        assert genotypes.hard_calls
        expected = [[1, 2, nan, nan], [1, 1, 0, 0], [0, 1, 2, 0], [0, 2, 1, nan], [nan, nan, 1, nan], [0, 0, 0, nan]]
        np.testing.assert_array_equal(genotypes.read(0, 6).T, expected)
        np.testing.assert_array_equal(genotypes.read(2, 3).T, expected[2:3])


def test_vcf__dosages_win_over_calls_and_one_chromosome_counts_twice(tmp_path):
    path = write_vcf(
        tmp_path / "d.vcf",
        [
            ("16", "100", "rs1", "C", "T", ".", ".", ".", "GT:DS", "0/1:0.9", "1|1:1.75", "./.:.", "0/1:."),
            ("16", "200", "rs2", "C", "T", ".", ".", ".", "DS", "0.5", "1.5", ".", "2"),
            ("X", "300", "rs3", "G", "C,A", ".", ".", ".", "GT:DS", "0:0.25,0", "2:0,1", "0/1:0.75,0.25", ".:.,."),
        ],
        more=DS,
    )
    nan = np.nan
    with open_genotypes(path) as genotypes:
        assert not genotypes.hard_calls
        expected = [[0.9, 1.75, nan, 1], [0.5, 1.5, nan, 2], [0.5, 0, 0.75, nan], [0, 2, 0.25, nan]]
        np.testing.assert_allclose(genotypes.read(0, 4).T, expected, rtol=1e-6)


def test_vcf__a_dosage_outside_the_range_is_refused(tmp_path):
    row = ("16", "100", "rs1", "C", "T", ".", ".", ".", "GT:DS", "0/1:0.9", "1|1:2.5", "./.:.", "0/1:1")
    path = write_vcf(tmp_path / "d.vcf", [row], more=DS)
    with open_genotypes(path) as genotypes, pytest.raises(InputError, match=r"d\.vcf: a DS of 16:100 is outside 0 to 2"):
        genotypes.read(0, 1)


def test_vcf__equals_plink2_on_several_alternatives(tmp_path, plink2):
    rows = [("16", "200", "rs2", "G", "A,C", ".", ".", ".", "GT", "0/1", "1/2", "2/2", "./."),
            ("16", "300", "rs3", "C", "T", ".", ".", ".", "GT", "0/1", "0/0", "1/1", "0/1")]  # fmt: skip
    path = write_vcf(tmp_path / "m.vcf", rows)
    plink2("--vcf", path, "--make-pgen", "--out", tmp_path / "m")
    with open_genotypes(path) as text, open_genotypes(tmp_path / "m.pgen") as packed:
        assert packed.variants.effect_allele.tolist() == ["A", "C", "T"]
        np.testing.assert_array_equal(packed.read(0, 3), text.read(0, 3))
        np.testing.assert_array_equal(packed.read(1, 3, np.array([2, 1])), text.read(1, 3, np.array([2, 1])))


@pytest.mark.parametrize("keep", [0.35, 0.6, 0.95])
def test_vcf__cut_off_is_refused_however_it_is_compressed(vcf, tmp_path, keep):
    text = gzip.decompress(vcf.read_bytes())
    files = {"b.vcf.gz": vcf.read_bytes(), "g.vcf.gz": gzip.compress(text), "t.vcf": text}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data[: int(keep * len(data))])
        with pytest.raises(InputError, match=f"{name}.*(ends early|cut off|damaged)"):
            open_genotypes(tmp_path / name)


def test_vcf__an_unpacked_bcf_is_read(tmp_path):
    cyvcf2 = pytest.importorskip("cyvcf2")
    row = ("16", "100", "rs1", "C", "T", ".", ".", ".", "GT", "0/1", "1|1", "./.", "0/0")
    source = cyvcf2.VCF(str(write_vcf(tmp_path / "a.vcf", [row])))
    writer = cyvcf2.Writer(str(tmp_path / "a.bcf"), source, mode="wbu")
    for record in source:
        writer.write_record(record)
    writer.close()
    with open_genotypes(tmp_path / "a.bcf") as genotypes:
        np.testing.assert_array_equal(genotypes.read(0, 1).ravel(), [1, 2, np.nan, 0])


def test_pvar__information_may_hold_spaces(tmp_path):
    pgenlib = pytest.importorskip("pgenlib")
    with pgenlib.PgenWriter(str(tmp_path / "d.pgen").encode(), 2, variant_ct=1, nonref_flags=False) as writer:
        writer.append_biallelic(np.array([1, 2], dtype=np.int8))
    (tmp_path / "d.pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\tINFO\n1\t5\trs1\tG\tA\tNOTE=two words\n")
    (tmp_path / "d.psam").write_text("#IID\nq1\nq2\n")
    with open_genotypes(tmp_path / "d.pgen") as genotypes:
        assert genotypes.variants.to_numpy().tolist() == [["rs1", "1", 5, "A", "G"]]
        assert genotypes.read(0, 1).ravel().tolist() == [1, 2]


def write_tsv(path, text):
    path.write_text(text)
    return path


def test_dosages__columns_say_the_alleles(tmp_path):
    path = write_tsv(tmp_path / "d.tsv", "participant_id\trs1:T:C\t16:89986117:A:G\trs9\na\t0\t1.5\tn/a\nb\t2\t\t1\n")
    with open_genotypes(path) as genotypes:
        assert genotypes.sample_ids == ("a", "b")
        assert genotypes.variants.to_numpy().tolist() == [
            ["rs1", "0", 0, "T", "C"], ["16:89986117", "16", 89986117, "A", "G"], ["rs9", "0", 0, "N", "N"],
        ]  # fmt: skip
        np.testing.assert_array_equal(genotypes.read(0, 3), [[0, 1.5, np.nan], [2, np.nan, 1]])
        assert not genotypes.hard_calls


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\trs1\na\t1\n", "d.tsv, line 1: the first column is 'id': write participant_id"),
        ("participant_id\trs1\na\tAG\n", "d.tsv, line 2: the dosage of rs1 is 'AG': write a number of 0 to 2"),
        ("participant_id\trs1\na\t1\nb\t2.5\n", "d.tsv, line 3: the dosage of rs1 is 2.5: write the number of effect alleles"),
        ("participant_id\trs1\na\t-9\n", "line 2: the dosage of rs1 is -9"),
        ("participant_id\trs1\na\t1\t2\n", "line 2: the row has 3 cells, the header 2"),
        ("participant_id\trs1\na\t1\na\t2\n", "d.tsv names the sample a twice: keep one of them"),
        ("participant_id\trs1\trs1\na\t1\t1\n", "column 'rs1' stands twice"),
        ("participant_id\trs1\n", "there are no people"),
        ("participant_id\na\n", "there are no variants"),
        ("", "the first column is 'nothing'"),
    ],
)  # fmt: skip
def test_dosages__a_wrong_table_is_refused_with_its_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message):
        open_genotypes(write_tsv(tmp_path / "d.tsv", text))


def damage(path, change):
    path.write_bytes(change(path.read_bytes()))


@pytest.mark.parametrize(
    ("suffix", "change", "message"),
    [
        (".bed", lambda data: data[:-1], r"g.bed is shorter than 30 variants \(.bim\) of 41 people"),
        (".bed", lambda data: data + b"x" * 11, "g.bed is longer than 30 variants"),
        (".bed", lambda data: b"\x6c\x1b\x00" + data[3:], "ordered by person"),
        (".bed", lambda data: b"PK\x03" + data[3:], "does not start as a .bed does"),
        (".bed", lambda data: b"", "does not start as a .bed does"),
        (".bim", lambda data: data[: data.rindex(b"\n", 0, -1) + 1], r"g.bed is longer than 29 variants"),
        (".bim", lambda data: data.replace(b"\t1000\t", b"\tx\t"), "g.bim, line 1: the position is 'x'"),
        (".bim", lambda data: data.replace(b"\tA\tG\n", b"\tA\n", 1), "g.bim, line 1: the row has fewer than 6 columns"),
        (".bim", lambda data: data.replace(b"\tA\tG\n", b"\tA\tG\tC\n", 1), "g.bim: a row has another number of columns than 6"),
        (".bim", lambda data: b"", "g.bim: the file has no rows"),
        (".fam", lambda data: data.replace(b"p01", b"p00"), "g.fam names the sample p00 twice: set sample_id to fid_iid"),
        (".fam", lambda data: data.replace(b"f1 p01", b"f0 p00"), "g.fam names the sample p00 twice"),
        (".fam", lambda data: data + b"".join(b"f9 q%d 0 0 0 0\n" % i for i in range(4)), r"shorter than 30 variants .* 45 people"),
        (".fam", lambda data: b"\xff\xfe" + data, "g.fam, line 1: this is not UTF-8"),
    ],
)
def test_bed__files_that_do_not_fit_are_refused(bed, suffix, change, message):
    damage(bed.with_suffix(suffix), change)
    with pytest.raises(InputError, match=message):
        open_genotypes(bed)


@pytest.mark.parametrize(
    ("suffix", "change", "message"),
    [
        (".pgen", lambda data: data[:-3], "g.pgen"),
        (".pgen", lambda data: b"xx" + data[2:], "g.pgen cannot be opened"),
        (".psam", lambda data: data + b"f9\tp99\tNA\n", "g.pgen cannot be opened"),
        (".pvar", lambda data: data[: data.rindex(b"\n", 0, -1) + 1], "g.pgen cannot be opened"),
        (".pvar", lambda data: data.replace(b"ALT", b"ALF"), "g.pvar, line .*column ALT is missing"),
        (".psam", lambda data: data.replace(b"IID", b"IDD"), "column IID is missing"),
        (".psam", lambda data: data.replace(b"SEX", b"IID"), "column iid stands twice"),
        (".pvar", lambda data: data.replace(b"\t1000\trs100\tG\tA", b"\t1000\trs100"), "g.pvar, line .*: the row has fewer than"),
    ],
)
def test_pgen__files_that_do_not_fit_are_refused(pgen, suffix, change, message):
    damage(pgen.with_suffix(suffix), change)
    with pytest.raises(InputError, match=message), open_genotypes(pgen) as genotypes:
        genotypes.read(0, M)


@pytest.mark.parametrize(("suffix", "beside"), [(".bim", "bed"), (".fam", "bed"), (".pvar", "pgen"), (".psam", "pgen")])
def test_open_genotypes__says_which_companion_is_absent(suffix, beside, request):
    path = request.getfixturevalue(beside)
    path.with_suffix(suffix).unlink()
    with pytest.raises(InputError, match=f"g{suffix}: it cannot be read .*belongs beside the genotypes"):
        open_genotypes(path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("g.bim", "lies beside the genotypes: name the .bed file"),
        ("g.psam", "name the .pgen file"),
        ("g.bgen", "genotypes end in .bed"),
        ("gone.bed", "gone.bed is not there"),
    ],
)
def test_open_genotypes__says_what_to_name(tmp_path, name, message):
    with pytest.raises(InputError, match=message):
        open_genotypes(tmp_path / name)


def test_open_genotypes__fid_iid_needs_a_fid(tmp_path, pgen):
    text = pgen.with_suffix(".psam").read_text().splitlines()
    column = text[0].lstrip("#").split("\t").index("FID")
    rows = [[cell for i, cell in enumerate(line.lstrip("#").split("\t")) if i != column] for line in text]
    pgen.with_suffix(".psam").write_text("#" + "\n".join("\t".join(row) for row in rows) + "\n")
    with pytest.raises(InputError, match="has no FID, so that sample_id cannot be fid_iid: set it to iid"):
        open_genotypes(pgen, sample_id="fid_iid")
    with open_genotypes(pgen) as genotypes:
        assert genotypes.sample_ids[0] == "p00"
