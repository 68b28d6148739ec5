from __future__ import annotations

from pathlib import Path

import pytest

from retail_forecast.errors import BadDropError, DatasetError
from retail_forecast.ingest.delivery import import_files, known_stores
from retail_forecast.lake.stores import Store, open_store
from retail_forecast_tests.ingest.datasets import corner_shops, sales_csv

DATASET = corner_shops()


@pytest.fixture
def landing(tmp_path: Path) -> Store:
    return open_store((tmp_path / "landing").as_uri())


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_files_land_below_the_table_that_their_name_tells(tmp_path: Path, landing: Store) -> None:
    day = write(tmp_path / "feb.csv", sales_csv("A,1,2024-02-01,3"))
    stores = write(tmp_path / "stores-2024.csv", b"store_id,region\nA,north\n")
    found = import_files([day, stores], [], DATASET, landing)
    assert [(one.path, one.outcome, one.rows) for one in found] == [
        ("stores/stores-2024.csv", "new", 1),
        ("sales/feb.csv", "new", 1),
    ]
    assert landing.read("sales/feb.csv") == day.read_bytes()


def test_a_file_of_sales_and_prices_lands_below_both(tmp_path: Path, landing: Store) -> None:
    wide = sales_csv("A,1,2024-02-01,3").replace(b"shop,sku,day", b"shop,sku,day,store_id,item_id,date,sell_price")
    wide = wide.replace(b"A,1,2024-02-01,3", b"A,1,2024-02-01,A,1,2024-02-01,2.5,3")
    found = import_files([write(tmp_path / "feb.csv", wide)], ["sales", "prices"], DATASET, landing)
    assert [(one.path, one.rows) for one in found] == [("sales/feb.csv", 1), ("prices/feb.csv", 1)]


def test_the_same_content_again_changes_no_object(tmp_path: Path, landing: Store) -> None:
    file = write(tmp_path / "feb.csv", sales_csv("A,1,2024-02-01,3"))
    import_files([file], [], DATASET, landing)
    before = list(landing.list())
    assert [one.outcome for one in import_files([file], [], DATASET, landing)] == ["unchanged"]
    assert list(landing.list()) == before


def test_a_correction_replaces_the_object(tmp_path: Path, landing: Store) -> None:
    import_files([write(tmp_path / "feb.csv", sales_csv("A,1,2024-02-01,3"))], [], DATASET, landing)
    corrected = write(tmp_path / "feb.csv", sales_csv("A,1,2024-02-01,4"))
    assert [one.outcome for one in import_files([corrected], [], DATASET, landing)] == ["changed"]


def test_one_bad_file_lands_nothing(tmp_path: Path, landing: Store) -> None:
    good = write(tmp_path / "a.csv", sales_csv("A,1,2024-02-01,3"))
    bad = write(tmp_path / "b.csv", sales_csv("A,1,2024-02-01,many"))
    with pytest.raises(BadDropError, match=r"b\.csv.*'many'"):
        import_files([good, bad], [], DATASET, landing)
    assert list(landing.list()) == []


def test_with_keep_going_the_good_files_land(tmp_path: Path, landing: Store) -> None:
    bad = write(tmp_path / "a.csv", b"")
    good = write(tmp_path / "b.csv", sales_csv("A,1,2024-02-01,3"))
    found = import_files([bad, good], [], DATASET, landing, keep_going=True)
    assert [(one.path, one.outcome) for one in found] == [("sales/a.csv", "rejected"), ("sales/b.csv", "new")]
    assert "0 bytes" in str(found[0].error)
    assert [info.path for info in landing.list()] == ["sales/b.csv"]


def test_a_store_that_comes_with_the_same_import_is_known(tmp_path: Path, landing: Store) -> None:
    landing.write("stores/old.csv", b"store_id,region\nA,north\n")
    sales = write(tmp_path / "sales.csv", sales_csv("B,1,2024-02-01,3"))
    with pytest.raises(BadDropError, match="B in row 1 is no known store"):
        import_files([sales], [], DATASET, landing)
    stores = write(tmp_path / "stores.csv", b"store_id,region\nB,south\n")
    assert len(import_files([sales, stores], [], DATASET, landing)) == 2
    assert known_stores(landing, DATASET) == {"A", "B"}


def test_two_files_with_one_name_are_refused(tmp_path: Path, landing: Store) -> None:
    data = sales_csv("A,1,2024-02-01,3")
    files = [write(tmp_path / "jan" / "day.csv", data), write(tmp_path / "feb" / "day.csv", data)]
    with pytest.raises(BadDropError, match="would take the place of"):
        import_files(files, [], DATASET, landing)


def test_a_file_that_is_not_there_and_a_table_that_is_not_there_are_named(tmp_path: Path, landing: Store) -> None:
    with pytest.raises(BadDropError, match=r"gone\.csv: It cannot be read \(No such file"):
        import_files([tmp_path / "gone.csv"], [], DATASET, landing)
    with pytest.raises(DatasetError, match="receipts"):
        import_files([tmp_path / "gone.csv"], ["receipts"], DATASET, landing)
